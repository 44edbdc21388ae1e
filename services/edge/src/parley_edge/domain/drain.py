"""How a drain spreads the connections that have to move."""

from __future__ import annotations

from dataclasses import dataclass

_SHARE = 0.8
"""Of the window: the rest is for those who were asked last."""
_LONGEST = 1.0
"""Seconds that a client gets at most to pick its moment in, once it was asked."""
_CALM = 1.0
"""Seconds between two clients that are calm for any receiver: few clients need no whole window."""


@dataclass(frozen=True, slots=True)
class Pace:
    """When each connection is asked to move. Durations are in seconds."""

    gap: float
    within: float

    def moment(self, index: int) -> float:
        """When the connection at `index` is asked, counted from the start of the window."""
        return index * self.gap


def pace(count: int, *, window: float) -> Pace:
    """Spread `count` connections evenly, so that the last one can still move within `window`."""
    if count <= 0 or window <= 0:
        return Pace(0.0, 0.0)
    within = min(_LONGEST, window * (1 - _SHARE))
    return Pace(min(_CALM, window * _SHARE / count), within)
