"""A history in figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from math import ceil

from msgspec import Struct

from parley.bench.reading import Attached, Denied, Kind, Page, Place, Reading, Said, What, read
from parley.bench.record import DeviceRecord
from parley.bench.violations import Invariant, Violation
from parley.domain.retrying import LATER

_ENDINGS = frozenset({Kind.ANSWER, Kind.FAILURE})


class Spread(Struct, frozen=True):
    """Percentiles in milliseconds; None of nothing."""

    p50: float | None
    p95: float | None
    p99: float | None


class Figures(Struct, frozen=True, kw_only=True):
    """What a run measured. Times are in seconds unless their name says otherwise.

    `lost`: texts that were never acknowledged, or acknowledged and never answered; `refused`:
    the server said no. `out_of_order` counts silent holes too. `gaps`: holes that were told.
    """

    texts: int
    acknowledged: int
    answered: int
    refused: int
    lost: int
    doubled: int
    out_of_order: int
    torn: int
    gaps: int
    connections: int
    errors: dict[str, int]
    wall: float
    client_cpu: float
    answers_per_second: float
    ack_ms: Spread
    answer_ms: Spread

    @property
    def is_clean(self) -> bool:
        """Nothing was lost, doubled, out of order or torn."""
        return not (self.lost or self.doubled or self.out_of_order or self.torn)


class _Times:
    """When each text was first sent, acknowledged to its sender, and answered."""

    def __init__(self) -> None:
        self.said: dict[str, float] = {}
        self.acked: dict[str, float] = {}
        self.ended: dict[str, float] = {}

    def take(self, reading: Reading) -> None:
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

    def spread(self, ends: dict[str, float]) -> Spread:
        """Times from the first sending to each end."""
        taken = [1000 * (at - self.said[name]) for name, at in ends.items() if name in self.said]
        return Spread(*(percentile(taken, share=share) for share in (0.50, 0.95, 0.99)))


def percentile(values: Iterable[float], *, share: float) -> float | None:
    """The smallest value that `share` of all are not above; None of nothing."""
    ordered = sorted(values)
    if not ordered:
        return None
    return round(ordered[max(0, ceil(share * len(ordered)) - 1)], 1)


def measure(
    history: Iterable[DeviceRecord],
    *,
    violations: Iterable[Violation],
    wall: float,
    client_cpu: float,
) -> Figures:
    """The figures of a run that took `wall` seconds and `client_cpu` seconds of this process."""
    readings = [read(record) for record in history]
    times = _Times()
    for reading in readings:
        times.take(reading)
    whats = [step.what for reading in readings for step in reading.steps]
    found = Counter(violation.invariant for violation in violations)
    refused = _refused(whats) - times.acked.keys()
    unknown = times.said.keys() - times.acked.keys() - refused
    answered = times.said.keys() & times.ended.keys()
    return Figures(
        texts=len(times.said),
        acknowledged=len(times.said.keys() & times.acked.keys()),
        answered=len(answered),
        refused=len(refused),
        lost=found[Invariant.NO_LOSS] + len(unknown),
        doubled=found[Invariant.NO_DOUBLE],
        out_of_order=found[Invariant.ORDER] + found[Invariant.HONEST_GAP],
        torn=found[Invariant.WHOLE_TEXT],
        gaps=sum(isinstance(what, Attached) and what.is_gap for what in whats),
        connections=sum(_connections(reading) for reading in readings),
        errors=dict(Counter(what.code for what in whats if isinstance(what, Denied))),
        wall=round(wall, 3),
        client_cpu=round(client_cpu, 3),
        answers_per_second=round(len(answered) / wall, 1) if wall else 0.0,
        ack_ms=times.spread(times.acked),
        answer_ms=times.spread(times.ended),
    )


def _places(what: What) -> tuple[Place, ...]:
    match what:
        case Place():
            return (what,)
        case Attached():
            return what.snapshot
        case Page():
            return what.places
    return ()


def _refused(whats: Iterable[What]) -> set[str]:
    """Texts to which the server said no for good."""
    return {what.id for what in whats if isinstance(what, Denied) and what.code not in LATER}


def _connections(reading: Reading) -> int:
    return len({step.connection for step in reading.steps})
