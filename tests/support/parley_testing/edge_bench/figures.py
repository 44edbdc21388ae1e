"""What was measured, as a table for people and as lines for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import msgspec
from rich.table import Table

from parley_testing.edge_bench.stopwatch import Used

_DISTURBED = 0.1
"""Share of the wall time that others may have of the core of the server under test."""


@dataclass(frozen=True, slots=True)
class Aim:
    """A bound of a figure: at least, or at most, so much."""

    least: float | None = None
    most: float | None = None

    def is_met(self, value: float) -> bool:
        too_small = self.least is not None and value < self.least
        too_great = self.most is not None and value > self.most
        return not (too_small or too_great)

    def __str__(self) -> str:
        bounds = ((">=", self.least), ("<=", self.most))
        return " and ".join(f"{sign} {bound:,g}" for sign, bound in bounds if bound is not None)


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of one server under one load."""

    server: str
    load: str
    name: str
    value: float
    aim: Aim | None = None

    @property
    def verdict(self) -> str:
        if self.aim is None:
            return ""
        return "met" if self.aim.is_met(self.value) else "missed"


@dataclass(slots=True)
class Report:
    """Of one scenario. `failures`: why its figures must not be believed."""

    scenario: str
    about: str
    figures: list[Figure] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(
        self, server: str, name: str, value: float, *, load: str = "", aim: Aim | None = None
    ) -> None:
        self.figures.append(Figure(server, load, name, value, aim))

    def add_used(self, server: str, used: Used, *, load: str = "") -> None:
        self.add(server, "CPU s", used.cpu, load=load)
        self.add(server, "wall s", used.wall, load=load)
        self.add(server, "others on its core s", used.others, load=load)
        if used.others > _DISTURBED * used.wall:
            where = f"{server}, {load}" if load else server
            self.notes.append(f"{where}: others were on its core, latencies are theirs as well")

    def fail(self, sentence: str) -> None:
        self.failures.append(sentence)

    def expect(self, found: float, *, least: float, what: str) -> None:
        """Less than that was not measured but missed: a failure."""
        if found < least:
            self.fail(f"{what}: expected at least {least:,.7g}, got {found:,.7g}")


def table(report: Report) -> Table:
    """One row a figure and load, one column a server."""
    servers = list(dict.fromkeys(figure.server for figure in report.figures))
    result = Table("load", "figure", *servers, "aim", "", title=report.scenario)
    for load, name in dict.fromkeys((each.load, each.name) for each in report.figures):
        row = {
            each.server: each for each in report.figures if (each.load, each.name) == (load, name)
        }
        aimed = next((each for each in row.values() if each.aim is not None), None)
        result.add_row(
            load,
            name,
            *(_whole(row[server].value) if server in row else "-" for server in servers),
            str(aimed.aim) if aimed else "",
            aimed.verdict if aimed else "",
        )
    result.caption = "\n".join((report.about, *report.notes))
    return result


_WHOLE_FROM = 1000.0


def _whole(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= _WHOLE_FROM else f"{value:,.4g}"


def lines(report: Report) -> Iterator[str]:
    """One JSON line a figure, and one a failure."""
    for figure in report.figures:
        line: dict[str, object] = {
            "scenario": report.scenario,
            "server": figure.server,
            "load": figure.load,
            "figure": figure.name,
            "value": round(figure.value, 3),
        }
        if figure.aim is not None:
            line |= {"aim": str(figure.aim), "verdict": figure.verdict}
        yield msgspec.json.encode(line).decode()
    for failure in report.failures:
        yield msgspec.json.encode({"scenario": report.scenario, "failed": failure}).decode()


def is_sound(reports: Sequence[Report]) -> bool:
    """Whether nothing failed; an aim that was missed is a figure, too."""
    return not any(report.failures for report in reports)
