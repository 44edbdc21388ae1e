"""A connection's life, and what a frame from the client means at each point of it."""

from __future__ import annotations

from enum import Enum

from parley_core.domain.client_frames import AnyClientFrame, Auth, HealthCheck, Heartbeat


class Phase(Enum):
    """Where a connection is.

    NEW: nobody has said who it is. OPENING: the store is asked for its session. REPLAYING: it gets
    what it missed, live frames wait. LIVE: each frame goes out as it comes. CLOSING: nothing more
    is read, what was read before is still carried out.
    """

    NEW = "new"
    OPENING = "opening"
    REPLAYING = "replaying"
    LIVE = "live"
    CLOSING = "closing"


FOLLOWING = frozenset({Phase.REPLAYING, Phase.LIVE})
"""The phases of a connection that has a session."""

_NEXT: dict[Phase, frozenset[Phase]] = {
    # A session that is not there leaves the client free to ask for another one.
    Phase.NEW: frozenset({Phase.OPENING, Phase.CLOSING}),
    Phase.OPENING: frozenset({Phase.NEW, Phase.REPLAYING, Phase.CLOSING}),
    Phase.REPLAYING: frozenset({Phase.LIVE, Phase.CLOSING}),
    # A hole in what came live, or another session.
    Phase.LIVE: frozenset({Phase.REPLAYING, Phase.CLOSING}),
    Phase.CLOSING: frozenset(),
}


def advance(phase: Phase, to: Phase) -> Phase:
    """The phase after a step; to stay is no step. Raises ValueError for one that does not exist."""
    if to is phase or to in _NEXT[phase]:
        return to
    raise ValueError(f"a connection that is {phase.value} cannot become {to.value}")


class Meaning(Enum):
    """What to do with a frame."""

    OPEN = "open"
    HEALTH = "health"
    HEARTBEAT = "heartbeat"
    QUEUE = "queue"
    TOO_EARLY = "too early"
    SECOND_AUTH = "second auth"
    IGNORE = "ignore"


def meaning(phase: Phase, frame: AnyClientFrame) -> Meaning:
    """What `frame` means to a connection in `phase`."""
    if phase is Phase.CLOSING:
        return Meaning.IGNORE
    if isinstance(frame, HealthCheck):
        return Meaning.HEALTH
    if phase is Phase.NEW:
        return Meaning.OPEN if isinstance(frame, Auth) else Meaning.TOO_EARLY
    if isinstance(frame, Auth):
        return Meaning.SECOND_AUTH
    if isinstance(frame, Heartbeat):
        return Meaning.HEARTBEAT
    return Meaning.QUEUE
