"""The `system` frame that tells a client which session it has, and what it has of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from msgspec import UNSET, Raw, UnsetType

from parley_core.domain.client_frames import Position
from parley_core.domain.events import Attachment, Event, LiveTurn
from parley_core.domain.ids import Epoch, MessageId, Seq, SessionId
from parley_core.domain.server_frames import System, Turn
from parley_edge.domain.framing import Place
from parley_edge.domain.rendering import as_plain

PROTOCOL = 1


@dataclass(frozen=True, slots=True)
class Server:
    """What each `system` says of the server."""

    server_id: str
    heartbeat_interval_ms: int


def messages(events: Iterable[Event], *, plain: bool) -> list[Raw]:
    """Log frames as they were first sent, in words that the client knows."""
    return [Raw(as_plain(event.type, event.body) if plain else event.body) for event in events]


def turn_frame(turn: LiveTurn) -> Turn:
    return Turn(turn_id=turn.turn_id, attempt=turn.attempt, status=turn.status.value)


def health(server: Server, *, now: str) -> System:
    """The answer to a health check."""
    return System(
        status="ok",
        server_id=server.server_id,
        server_time=now,
        protocol=PROTOCOL,
        heartbeat_interval_ms=server.heartbeat_interval_ms,
    )


def greeting(
    session: SessionId,
    page: Attachment,
    *,
    existed: bool,
    resumed_from: Position | None,
    plain: bool,
    server: Server,
    now: str,
    request_id: str | UnsetType = UNSET,
) -> System:
    """The full `system` of an attach.

    A client that resumed gets what it missed as frames of their own and no history. One that did
    not, of a session that existed, and one whose position could not be proved get the newest.
    """
    resumed = resumed_from is not None
    shows_history = (existed or resumed) and not page.proved
    return System(
        session_id=session,
        recovered=page.proved if resumed else existed,
        epoch=page.top.epoch,
        seq=page.top.seq,
        id=page.top.id,
        server_id=server.server_id,
        server_time=now,
        protocol=PROTOCOL,
        heartbeat_interval_ms=server.heartbeat_interval_ms,
        history=messages(page.events, plain=plain) if shows_history else UNSET,
        has_more=page.more if shows_history else UNSET,
        turn=UNSET if page.turn is None else turn_frame(page.turn),
        request_id=request_id,
    )


def greeted_at(page: Attachment, *, resumed_from: Position | None) -> Place:
    """Where a client stands after its greeting: before what it missed, or at the top."""
    if page.proved and resumed_from is not None:
        at = resumed_from
        return Place(Epoch(at.epoch), Seq(at.seq), MessageId(at.id or ""))
    return Place(page.top.epoch, page.top.seq, page.top.id)
