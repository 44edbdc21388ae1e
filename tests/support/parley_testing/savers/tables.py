"""The figures of savers as tables and as JSON lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from rich.table import Table

from parley_testing.savers.chat import Durability
from parley_testing.savers.contenders import KEPT, MEMORY, PARLEY, PARLEY_KEPT, PUBLISHED
from parley_testing.savers.gauge import Cost
from parley_testing.savers.puts import PutCost
from parley_testing.savers.turn_calls import TurnCalls
from parley_testing.savers.twins import Comparison

AIMS = {
    "of InMemorySaver": 0.6,
    "of the published": 5.0,
    "KB a conversation": 300,
    "round trips a turn": 16,
    "flat": 0.2,
}


@dataclass(frozen=True, slots=True)
class Row:
    """A saver under one load. `exact`: all that it kept must be right."""

    saver: str
    exact: bool
    turns: int
    durability: Durability
    conversations: int
    cost: Cost
    comparison: Comparison

    @property
    def turns_a_second(self) -> float:
        """Of wall time."""
        return self.conversations * self.turns / self.cost.wall

    @property
    def turns_a_core(self) -> float:
        """Turns in a second of a core that works for the client and for Redis alone."""
        return self.conversations * self.turns / self.cost.cpu

    @property
    def kilobytes(self) -> float:
        """What Redis holds of one conversation."""
        return self.cost.memory / self.conversations / 1000

    @property
    def load(self) -> dict[str, object]:
        return {"saver": self.saver, "turns": self.turns, "durability": self.durability}


def ratio(rows: Iterable[Row], row: Row, *, to: str) -> float | None:
    """How many of the turns of saver `to`, under the same load, this one makes of a core."""
    same = {**row.load, "saver": to}
    found = [each for each in rows if each.load == same]
    return row.turns_a_core / found[0].turns_a_core if found else None


def chat_table(rows: Sequence[Row]) -> Table:
    """One row a saver and load."""
    table = Table(
        *(
            "turns",
            "durability",
            "saver",
            "talks",
            "turns/s",
            "turns/core s",
            "x memory",
            "x published",
        ),
        *("client CPU s", "Redis CPU s", "KB each", "values equal", "all equal"),
        title="conversations of a graph of three nodes",
    )
    for row in rows:
        table.add_row(
            str(row.turns),
            row.durability,
            row.saver,
            str(row.conversations),
            f"{row.turns_a_second:.0f}",
            f"{row.turns_a_core:.0f}",
            _times(ratio(rows, row, to=MEMORY)),
            _times(ratio(rows, row, to=PUBLISHED)),
            f"{row.cost.client_cpu:.2f}",
            f"{row.cost.redis_cpu:.2f}",
            "-" if row.saver == MEMORY else f"{row.kilobytes:.0f}",
            f"{row.comparison.values} of {row.comparison.kept}",
            str(row.comparison.equal),
        )
    table.caption = (
        "x: turns of a core second by those of the other saver; KB: in Redis, of one conversation;"
        " equal: to InMemorySaver's, of all that were read back;"
        f" aims at 100 turns, sync: {AIMS['of InMemorySaver']:g} x memory,"
        f" {AIMS['of the published']:g} x published,"
        f" {AIMS['KB a conversation']:g} KB with {KEPT} checkpoints kept"
    )
    return table


def put_table(costs: dict[str, list[PutCost]]) -> Table:
    """One row a saver and length of the conversation."""
    table = Table(
        *("saver", "at turn", "Redis us", "to the first", "client CPU us", "bytes sent"),
        *("to the first", "bytes kept", "to the first"),
        title="one put as the conversation grows",
    )
    for saver, of_saver in costs.items():
        first = of_saver[0]
        for cost in of_saver:
            table.add_row(
                saver,
                str(cost.turn),
                f"{cost.redis_us:.0f}",
                _times(_over(cost.redis_us, first.redis_us)),
                f"{cost.client_us:.0f}",
                f"{cost.sent:.0f}",
                _times(_over(cost.sent, first.sent)),
                f"{cost.grown:.0f}",
                _times(_over(cost.grown, first.grown)),
            )
    table.caption = f"aim for Redis's time and bytes: within {AIMS['flat']:.0%} of the first"
    return table


def turn_table(calls: TurnCalls) -> Table:
    """What the worker asked of Redis in a turn."""
    table = Table("script", "a turn", title="a turn of the default graph, without its deltas")
    for name, count in calls.scripts.items():
        table.add_row(name, f"{count:.2f}")
    table.add_row("round trips", f"{calls.round_trips:.2f}")
    table.caption = f"aim: {AIMS['round trips a turn']:g} round trips at most"
    return table


def lines(
    rows: Sequence[Row], puts: dict[str, list[PutCost]], calls: TurnCalls | None
) -> Iterator[str]:
    """One JSON line a figure, with its load, and its aim where it has one."""
    for row in rows:
        yield from _row_lines(rows, row)
    for saver, costs in puts.items():
        for cost in costs:
            load = {"saver": saver, "turn": cost.turn}
            for figure in ("redis_us", "client_us", "sent", "grown"):
                yield _line(f"put {figure}", getattr(cost, figure), load)
            for figure in ("redis_us", "sent", "grown"):
                change = _over(getattr(cost, figure), getattr(costs[0], figure))
                yield _line(f"put {figure}, to the first", change, load, "0.8 to 1.2")
    if calls is not None:
        yield _line("round trips a turn", calls.round_trips, {}, "<= 16")
        for name, count in calls.scripts.items():
            yield _line("scripts a turn", count, {"script": name})


def _row_lines(rows: Sequence[Row], row: Row) -> Iterator[str]:
    aimed = row.turns == max(each.turns for each in rows) and row.durability == "sync"
    ours = row.saver in {PARLEY, PARLEY_KEPT}
    yield _line("turns a second", row.turns_a_second, row.load)
    yield _line("turns a core second", row.turns_a_core, row.load)
    yield _line("conversations", row.conversations, row.load)
    yield _line("client CPU s", row.cost.client_cpu, row.load)
    yield _line("Redis CPU s", row.cost.redis_cpu, row.load)
    yield _line("checkpoints kept", row.comparison.kept, row.load)
    yield _line("checkpoints that differ", row.comparison.kept - row.comparison.equal, row.load)
    if row.saver != MEMORY:
        limit = "<= 300" if row.saver == PARLEY_KEPT else ""
        yield _line("KB a conversation", row.kilobytes, row.load, limit)
    for name, to, aim in (("memory", MEMORY, ">= 0.6"), ("published", PUBLISHED, ">= 5")):
        if row.saver != to and (value := ratio(rows, row, to=to)) is not None:
            yield _line(f"x {name}", value, row.load, aim if aimed and ours else "")


def _line(figure: str, value: float | None, load: dict[str, Any], aim: str = "") -> str:
    rounded = None if value is None else round(value, 3)
    line: dict[str, object] = {"figure": figure, "value": rounded, **load}
    return msgspec.json.encode({**line, "aim": aim} if aim else line).decode()


def _over(value: float, first: float) -> float | None:
    return value / first if first else None


def _times(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
