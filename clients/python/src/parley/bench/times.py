"""When texts were said, acknowledged and answered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import ceil

from msgspec import Struct

from parley.bench.reading import Attached, Kind, Page, Place, Reading, Said, What

_ENDINGS = frozenset({Kind.ANSWER, Kind.FAILURE})


class Spread(Struct, frozen=True):
    """Percentiles, in milliseconds unless a name says otherwise; None of nothing."""

    p50: float | None
    p95: float | None
    p99: float | None


class Times:
    """Of each text: when it was first sent, acknowledged to its sender, and answered; seconds."""

    def __init__(self, readings: Iterable[Reading]) -> None:
        self.said: dict[str, float] = {}
        self.acked: dict[str, float] = {}
        self.ended: dict[str, float] = {}
        for reading in readings:
            self._take(reading)

    def taken(self, begins: Mapping[str, float], ends: Mapping[str, float]) -> list[float]:
        """Milliseconds from each beginning to its end, where both are known."""
        return [1000 * (at - begins[name]) for name, at in ends.items() if name in begins]

    def _take(self, reading: Reading) -> None:
        """Add what one device saw."""
        own: set[str] = set()
        for step in reading.steps:
            if isinstance(step.what, Said):
                own.add(step.what.id)
                self.said.setdefault(step.what.id, step.at)
            for place in _places(step.what):
                if place.kind in _ENDINGS:
                    self.ended[place.turn] = min(step.at, self.ended.get(place.turn, step.at))
                elif place.id in own:
                    self.acked.setdefault(place.id, step.at)


def spread(values: Iterable[float]) -> Spread:
    """The percentiles of these."""
    taken = list(values)
    return Spread(*(percentile(taken, share=share) for share in (0.50, 0.95, 0.99)))


def percentile(values: Iterable[float], *, share: float) -> float | None:
    """The smallest value that `share` of all are not above; None of nothing."""
    ordered = sorted(values)
    if not ordered:
        return None
    return round(ordered[max(0, ceil(share * len(ordered)) - 1)], 1)


def _places(what: What) -> tuple[Place, ...]:
    match what:
        case Place():
            return (what,)
        case Attached():
            return what.snapshot
        case Page():
            return what.places
    return ()
