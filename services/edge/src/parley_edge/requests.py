"""What the frames of an authenticated client do; one function for each kind."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import structlog

from parley_core.domain.client_frames import (
    Ack,
    Answer,
    AnyClientFrame,
    Auth,
    Cancel,
    Command,
    Text,
    Typing,
)
from parley_core.domain.codes import ErrorCode
from parley_core.domain.errors import Refused, Unavailable
from parley_core.domain.ids import Seq, TurnId
from parley_core.domain.server_frames import Typing as TypingFrame
from parley_core.domain.server_frames import encode
from parley_edge.appending import append_answer, append_text
from parley_edge.commands import run
from parley_edge.connection import Connection
from parley_edge.opening import RETRY_AFTER_MS, following, open_first

log = structlog.get_logger(__name__)


async def carry_out(connection: Connection, frame: AnyClientFrame) -> None:
    """Supervisor of one frame: whatever fails, the client is told and the connection goes on."""
    message_id, request_id = _ids(frame)
    try:
        await _HANDLERS[type(frame)](connection, frame)
    except Refused as refused:
        connection.fail(
            refused.code,
            refused.message,
            message_id=message_id,
            request_id=request_id,
            turn_id=getattr(frame, "turn_id", None),
            retry_after_ms=refused.retry_after_ms,
        )
    except Unavailable:
        connection.fail(
            ErrorCode.UNAVAILABLE,
            "The storage is away; this may have been accepted. Repeat it as it was.",
            message_id=message_id,
            request_id=request_id,
            retry_after_ms=RETRY_AFTER_MS,
        )
    except Exception:
        log.exception("a frame was not carried out", kind=type(frame).__name__)
        connection.fail(
            ErrorCode.INTERNAL,
            "Something went wrong here.",
            message_id=message_id,
            request_id=request_id,
        )
        if connection.follower is None:
            connection.broken()


def _ids(frame: AnyClientFrame) -> tuple[str | None, str | None]:
    return getattr(frame, "message_id", None), getattr(frame, "request_id", None)


async def _cancel(connection: Connection, frame: Cancel) -> None:
    turn = None if frame.turn_id is None else TurnId(frame.turn_id)
    await connection.edge.conversations.cancel(
        following(connection).session, user=connection.user, turn=turn
    )


async def _typing(connection: Connection, frame: Typing) -> None:
    body = encode(TypingFrame(user_id=connection.user, state=frame.state))
    with suppress(Unavailable):  # At most once, by its nature.
        await connection.edge.conversations.tell(
            following(connection).session,
            user=connection.user,
            type="typing",
            frame=body,
            origin=connection.id,
        )


async def _ack(connection: Connection, frame: Ack) -> None:
    with suppress(Unavailable):  # The next ack says more.
        await connection.edge.conversations.seen(
            following(connection).session,
            user=connection.user,
            device=connection.device,
            seq=Seq(frame.seq),
        )


_HANDLERS: dict[type[AnyClientFrame], Callable[[Connection, Any], Awaitable[None]]] = {
    Auth: open_first,
    Text: append_text,
    Command: run,
    Cancel: _cancel,
    Answer: append_answer,
    Typing: _typing,
    Ack: _ack,
}
