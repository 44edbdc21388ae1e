"""Many connections of one session that stand at one place: a frame is judged once for all of them.

Whoever wants nothing but what comes next walks in a cohort, one for each audience. What a frame is
to them is judged once, and the loop over them is nothing but writes. Whoever has something of its
own to do (a text under way, a hole, a slow socket, the end) steps out and takes its place along;
with the next frame that it is given like the others it falls in again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from parley_core.domain.ids import ConnectionId
from parley_edge.domain.arrival import Arrival
from parley_edge.domain.rendering import Audience
from parley_edge.domain.standing import Standing, Verdict

WORTH_IT = 8
"""Connections of one session below which a cohort saves nothing."""


class Walker(Protocol):
    """A listener that can walk in a cohort."""

    id: ConnectionId
    cohort: Cohort | None
    """The one that it walks in."""

    def arrived(self, arrival: Arrival) -> None:
        """A frame that it is to judge for itself: it steps out first."""
        ...


class Cohort:
    """Its members, where they all stand, and how each is written to."""

    __slots__ = ("_walkers", "_writes", "audience", "standing")

    def __init__(self, audience: Audience, standing: Standing) -> None:
        self.audience = audience
        self.standing = standing
        self._walkers: dict[ConnectionId, Walker] = {}
        self._writes: dict[ConnectionId, Callable[[bytes], None]] = {}

    def __len__(self) -> int:
        return len(self._walkers)

    def fall_in(self, walker: Walker, write: Callable[[bytes], None]) -> None:
        """`write` sends a live frame; it may make that walker step out."""
        walker.cohort = self
        self._walkers[walker.id] = walker
        self._writes[walker.id] = write

    def step_out(self, walker: Walker) -> Standing:
        """The place that it takes along."""
        walker.cohort = None
        del self._walkers[walker.id], self._writes[walker.id]
        return self.standing

    def arrived(self, arrival: Arrival) -> None:
        """Give all of them a frame."""
        author = self._walkers.get(arrival.frame.origin)
        if author is not None:
            author.arrived(arrival)
        verdict, after = arrival.judged_from(self.standing)
        if verdict is Verdict.READ:
            for walker in tuple(self._walkers.values()):
                walker.arrived(arrival)
        elif verdict is Verdict.SEND:
            # Before the writes: whoever steps out during its own has the frame.
            self.standing = after
            rendered = arrival.renderings[self.audience]
            if rendered is not None:
                for write in tuple(self._writes.values()):
                    write(rendered)


class Cohorts:
    """Those of one session."""

    __slots__ = ("_by_audience",)

    def __init__(self) -> None:
        self._by_audience: dict[Audience, Cohort] = {}

    def arrived(self, arrival: Arrival) -> None:
        for cohort in tuple(self._by_audience.values()):
            cohort.arrived(arrival)

    def at(self, standing: Standing, audience: Audience) -> Cohort | None:
        """The cohort to fall in with; None if the one of this audience stands elsewhere."""
        cohort = self._by_audience.get(audience)
        if not cohort:
            cohort = self._by_audience[audience] = Cohort(audience, standing)
        return cohort if cohort.standing is standing else None
