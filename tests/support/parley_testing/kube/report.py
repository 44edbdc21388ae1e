"""`e2e-report.md`: every figure that was measured, beside its limit."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from math import isinf
from pathlib import Path

from parley_testing.kube.verdict import Verdict

Value = float | str | None


class Form(StrEnum):
    """How much is done."""

    SHORT = "make e2e"
    FULL = "make e2e-full"

    def of(self, short: int, full: int) -> int:
        return full if self is Form.FULL else short


@dataclass(slots=True)
class Report:
    """Rows of one scenario after the other, on disk after each row."""

    path: Path
    head: str
    rows: list[tuple[str, str, str, str]] = field(default_factory=list)

    def add(self, scenario: str, figure: str, value: Value, *, limit: str = "") -> None:
        """`limit` as a reader takes it: "<= 1 s"."""
        self.rows.append((scenario, figure, _shown(value), limit))
        self.write()

    def add_verdict(self, scenario: str, told: Verdict, **limits: str) -> None:
        """All figures of a run. `limits`: by the names of the figures."""
        figures: dict[str, tuple[Value, str]] = {
            "texts sent / answered": (f"{told.texts} / {told.answered}", ""),
            "lost": (told.lost, "0"),
            "lost and told": (told.lost_and_told, limits.get("lost", "0")),
            "doubled": (told.doubled, "0"),
            "out of order": (told.out_of_order, "0"),
            "torn": (told.torn, "0"),
            "failed": (told.failed, "0"),
            "answers cut": (len(told.cut), limits.get("cut", "")),
            "nodes that ran twice": (len(told.repeated), limits.get("repeated", "")),
            "gaps told": (told.gaps, ""),
            "connections moved": (told.moved, ""),
            "longest without a connection, s": (told.longest_away, limits.get("away", "")),
            "without a connection, p50, s": (told.resume_p50, ""),
            "without a connection, p99, s": (told.resume_p99, limits.get("resume", "")),
            "text to ack meanwhile, p50, s": (told.ack_p50, ""),
            "text to ack meanwhile, p99, s": (told.ack_p99, limits.get("ack", "")),
            "texts meanwhile": (told.texts_in_window, ""),
        }
        for name, (value, limit) in figures.items():
            self.add(scenario, name, value, limit=limit)

    def write(self) -> None:
        lines = [self.head, "", "| scenario | figure | measured | limit |", "|---|---|---|---|"]
        lines += [f"| {' | '.join(row)} |" for row in self.rows]
        self.path.write_text("\n".join(lines) + "\n")


def _shown(value: Value) -> str:
    match value:
        case None:
            return "-"
        case float() if isinf(value):
            return "never"
        case float():
            return f"{value:.3f}".rstrip("0").rstrip(".")
        case _:
            return str(value)
