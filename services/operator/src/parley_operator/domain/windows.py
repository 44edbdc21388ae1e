"""How long a drain is given: as long as the others need to take what moves, within the grace."""

from __future__ import annotations

from dataclasses import dataclass

from parley_core.domain.events import ProcessInfo
from parley_core.domain.ids import ProcessId
from parley_operator.domain.deaths import Alive
from parley_operator.domain.pods import EDGE

LONGEST = 3600.0
"""Seconds that an edge's drain may be given."""
RESERVE = 10.0
"""Seconds of the grace period for what comes after the window: closing handshakes, frames that
were read, the process's goodbye."""
_MARGIN = 1.5
"""By how much a drain may be slower than it should be."""
_START = 5.0
"""Seconds until the first connection moves."""


@dataclass(frozen=True, slots=True)
class Pace:
    """What the installation allows. `resume_rate`: connections a second that one edge takes.

    `endpoint_delay`: seconds that a draining edge still accepts, before its window begins.
    `usual`: seconds of a drain that nobody asked to be longer or shorter.
    """

    resume_rate: float
    endpoint_delay: float
    usual: float


@dataclass(frozen=True, slots=True)
class Crowd:
    """`connections` that move, to `receivers`; `movers` send some there, the drained one too."""

    connections: int
    receivers: int
    movers: int


def crowd(process: ProcessId, alive: Alive) -> Crowd:
    """What moves if `process`, one of those alive, is drained now."""
    mine = alive[process]
    peers = [info for other, info in alive.items() if other != process and _is_peer(info, mine)]
    return Crowd(
        connections=mine.connections,
        receivers=sum(not info.draining for info in peers),
        movers=1 + sum(info.moving for info in peers),
    )


def window(kind: str, among: Crowd, *, pace: Pace, grace: float | None) -> float:
    """Seconds of a drain. `grace`: what is left until the pod is killed, None if it is not going.

    Never past the grace: what could not move by then is closed in order, not cut off.
    """
    needed = max(pace.usual, _needed(among, pace=pace)) if kind == EDGE else pace.usual
    most = LONGEST if grace is None else grace - pace.endpoint_delay * (kind == EDGE) - RESERVE
    return max(0.0, min(needed, most, LONGEST))


def _needed(among: Crowd, *, pace: Pace) -> float:
    """Without receivers the drain waits for some, for as long as it may."""
    if not among.receivers:
        return LONGEST
    return _START + _MARGIN * among.connections * among.movers / (
        among.receivers * pace.resume_rate
    )


def _is_peer(info: ProcessInfo, mine: ProcessInfo) -> bool:
    """Clients reach the edges of one release by one address."""
    return (info.kind, info.release, info.namespace) == (mine.kind, mine.release, mine.namespace)
