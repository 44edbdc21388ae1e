"""A history in figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from msgspec import Struct

from parley.bench.absence import longest_absence
from parley.bench.reading import Attached, Denied, Reading, What, read
from parley.bench.record import DeviceRecord
from parley.bench.times import Spread, Times, spread
from parley.bench.violations import Invariant, Violation
from parley.domain.retrying import LATER


class Figures(Struct, frozen=True, kw_only=True):
    """What a run measured. Times are in seconds unless their name says otherwise.

    `lost`: texts that were never acknowledged, or acknowledged and never answered; `refused`:
    the server said no. `out_of_order` counts silent holes too. `gaps`: holes that were told.
    `longest_away_ms`: for which a device that had been attached had no connection.
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
    longest_away_ms: float
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


def measure(
    history: Iterable[DeviceRecord],
    *,
    violations: Iterable[Violation],
    wall: float,
    client_cpu: float,
) -> Figures:
    """The figures of a run that took `wall` seconds and `client_cpu` seconds of this process."""
    records = tuple(history)
    readings = [read(record) for record in records]
    times = Times(readings)
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
        longest_away_ms=round(1000 * max(map(longest_absence, records), default=0.0), 1),
        errors=dict(Counter(what.code for what in whats if isinstance(what, Denied))),
        wall=round(wall, 3),
        client_cpu=round(client_cpu, 3),
        answers_per_second=round(len(answered) / wall, 1) if wall else 0.0,
        ack_ms=spread(times.taken(times.said, times.acked)),
        answer_ms=spread(times.taken(times.said, times.ended)),
    )


def _refused(whats: Iterable[What]) -> set[str]:
    """Texts to which the server said no for good."""
    return {what.id for what in whats if isinstance(what, Denied) and what.code not in LATER}


def _connections(reading: Reading) -> int:
    return len({step.connection for step in reading.steps})
