"""What a system adds to turns whose own time is known."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from parley.bench.reading import read
from parley.bench.record import DeviceRecord
from parley.bench.times import Spread, Times, spread


class Turns(Struct, frozen=True, kw_only=True):
    """A run of turns that take `turn_seconds` each by themselves, on `cores` cores of workers.

    `per_core`: answers a second and core, from the first text to the last answer. `added_ms`: from
    a text to its answer beyond the turn's own time; `added_after_ack_ms`: from the text's ack, so
    without what an edge and the client took to hand it over. `added_percent`: of the turn's own
    time, from text to answer. None of nothing.
    """

    turns: int
    turn_seconds: float
    cores: int
    per_core: float | None
    added_ms: Spread
    added_after_ack_ms: Spread
    added_percent: Spread


def measure_turns(history: Iterable[DeviceRecord], *, turn_seconds: float, cores: int) -> Turns:
    """The figures of a run in which no user had two texts under way."""
    times = Times(read(record) for record in history)
    own = 1000 * turn_seconds
    added = [each - own for each in times.taken(times.said, times.ended)]
    answered = times.said.keys() & times.ended.keys()
    return Turns(
        turns=len(answered),
        turn_seconds=turn_seconds,
        cores=cores,
        per_core=_rate(times, answered, cores),
        added_ms=spread(added),
        added_after_ack_ms=spread(each - own for each in times.taken(times.acked, times.ended)),
        added_percent=spread(100 * each / own for each in added),
    )


def _rate(times: Times, answered: Iterable[str], cores: int) -> float | None:
    names = tuple(answered)
    if not names:
        return None
    span = max(times.ended[name] for name in names) - min(times.said[name] for name in names)
    return round(len(names) / span / cores, 1) if span else None
