"""How one connection leaves this process for another one without losing anything.

A client that knows how opens the next connection before it closes this one. Others are closed,
between an answer and their next text.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from math import ceil
from typing import Protocol

from parley_core.domain.codes import CloseCode
from parley_core.domain.ids import ConnectionId
from parley_core.domain.server_frames import Reconnect, ServerFrame
from parley_edge.domain.lifecycle import Phase


class Reason(StrEnum):
    """Why a connection moves, on the wire."""

    DRAIN = "drain"
    REBALANCE = "rebalance"


@dataclass(frozen=True, slots=True)
class Request:
    """Move within `within` seconds, or as soon as it can be done in order.

    `may_leave`: a connection that goes later than it was asked for asks before it does, and stays
    for now if it hears no.
    """

    within: float
    reason: Reason
    may_leave: Callable[[ConnectionId], bool]


class Leaver(Protocol):
    """The connection."""

    id: ConnectionId
    phase: Phase
    asked: Request | None
    """What it was asked and could not do at once."""

    @property
    def is_plain(self) -> bool:
        """The client knows no `reconnect`."""
        ...

    @property
    def is_idle(self) -> bool:
        """Between an answer and the next text."""
        ...

    def send(self, frame: ServerFrame) -> None: ...

    def close(self, code: CloseCode) -> None: ...


def ask_to_move(leaver: Leaver, request: Request) -> bool:
    """Whether the connection moves now; else it does when `go_on` finds that it can."""
    if leaver.phase is Phase.CLOSING:
        return False
    if _can_go(leaver):
        _go(leaver, request)
        return True
    leaver.asked = request
    return False


def go_on(leaver: Leaver) -> None:
    """Something came to its end: perhaps the connection can go now."""
    request = leaver.asked
    if request is None or leaver.phase is Phase.CLOSING or not _can_go(leaver):
        return
    leaver.asked = None
    if request.may_leave(leaver.id):
        _go(leaver, request)


def _can_go(leaver: Leaver) -> bool:
    if leaver.phase is Phase.OPENING:
        return False  # What the client knows is not known yet.
    return not leaver.is_plain or leaver.is_idle


def _go(leaver: Leaver, request: Request) -> None:
    if leaver.is_plain:
        leaver.close(CloseCode.DRAINED)
    else:
        within_ms = ceil(request.within * 1000)
        leaver.send(Reconnect(within_ms=within_ms, reason=request.reason))
