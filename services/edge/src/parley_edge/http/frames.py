"""Frames of users over HTTP, one a request, for clients that read a stream or poll.

A request stands for itself: it may reach another edge than the stream does.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from parley_core.domain import client_frames, limits
from parley_core.domain.asking import device_named, session_named
from parley_core.domain.client_frames import Ack, Answer, Cancel, Command, Text, Typing
from parley_core.domain.codes import ErrorCode
from parley_core.domain.errors import Refused, Unavailable
from parley_core.domain.events import Mail
from parley_core.domain.ids import ConnectionId, DeviceId, MessageId, Seq, SessionId, TurnId, UserId
from parley_core.domain.members import outsiders
from parley_core.domain.server_frames import Ack as AckFrame
from parley_core.domain.server_frames import ServerFrame, encode
from parley_core.domain.server_frames import Typing as TypingFrame
from parley_core.http_api import Askers, body_bytes, header_of, json_reply
from parley_edge.domain.inputs import answer_mail, text_mail, text_value
from parley_edge.domain.rendering import capabilities_of
from parley_edge.domain.replies import (
    history_reply,
    presence_reply,
    queued_mail,
    queued_reply,
    sessions_reply,
)
from parley_edge.domain.stream_request import capabilities_named
from parley_edge.edge import Edge
from parley_edge.patience import append_patiently


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends a frame, and into which session. A plain client's text may be an answer."""

    edge: Edge
    user: UserId
    device: DeviceId
    session: SessionId
    plain: bool


class FramesApi:
    """What a WebSocket would answer is the reply; 204 where it would answer nothing."""

    def __init__(self, askers: Askers, edge: Edge) -> None:
        self._askers = askers
        self._edge = edge

    def routes(self) -> list[BaseRoute]:
        return [Route("/v1/messages", self.post, methods=["POST"])]

    async def post(self, request: Request) -> Response:
        asker = await self._askers.of(request.headers)
        if asker.user is None:
            raise Refused(ErrorCode.FORBIDDEN, "This is for users, who name themselves.")
        query = request.query_params
        device = header_of(request.headers, "x-parley-device") or query.get("device_id", "")
        frame = _decoded(await body_bytes(request))
        sender = Sender(
            edge=self._edge,
            user=asker.user,
            device=device_named(device),
            session=await self._session(asker.user, query.get("session_id")),
            plain=not capabilities_of(capabilities_named(query.get("capabilities", ""))),
        )
        reply = await _HANDLERS[type(frame)](sender, frame)
        if reply is None:
            return Response(status_code=HTTPStatus.NO_CONTENT)
        return json_reply(reply)

    async def _session(self, user: UserId, named: str | None) -> SessionId:
        """The one that is named, else the user's current one."""
        if named is not None:
            return session_named(named)
        for listed in await self._edge.conversations.sessions(user):
            if listed.current:
                return listed.session
        raise Refused(ErrorCode.SESSION_NOT_FOUND, "You have no session: a stream opens one.")


def _decoded(body: bytes) -> client_frames.AnyClientFrame:
    try:
        frame = client_frames.decode(body)
    except client_frames.Malformed as malformed:
        raise Refused(malformed.code, malformed.message) from None
    if type(frame) not in _HANDLERS:
        raise Refused(ErrorCode.INVALID_MESSAGE, "Such a frame is for connections only.")
    return frame


async def _text(sender: Sender, text: Text) -> ServerFrame:
    message_id = _message_id(sender, text.message_id)
    mail = text_mail(text, message_id=message_id, user=sender.user, device=sender.device)
    return await _append(sender, mail, text_value(text, plain=sender.plain))


async def _answer(sender: Sender, answer: Answer) -> ServerFrame:
    message_id = _message_id(sender, answer.message_id)
    mail = answer_mail(answer, message_id=message_id, user=sender.user, device=sender.device)
    return await _append(sender, mail, bytes(answer.value))


def _message_id(sender: Sender, given: str | None) -> MessageId:
    return MessageId(given or sender.edge.new_id())


async def _append(sender: Sender, mail: Mail, value: bytes) -> ServerFrame:
    edge = sender.edge
    # Of no connection: the sender's own stream gets the text, too.
    origin = ConnectionId(edge.new_id())
    accepted = await append_patiently(
        edge.conversations, sender.session, mail, origin=origin, value=value
    )
    return AckFrame(message_id=mail.message_id, seq=accepted.seq or 0)


async def _cancel(sender: Sender, cancel: Cancel) -> None:
    turn = None if cancel.turn_id is None else TurnId(cancel.turn_id)
    await sender.edge.conversations.cancel(sender.session, user=sender.user, turn=turn)


async def _typing(sender: Sender, typing: Typing) -> None:
    edge = sender.edge
    body = encode(TypingFrame(user_id=sender.user, state=typing.state))
    origin = ConnectionId(edge.new_id())
    with suppress(Unavailable):  # At most once, by its nature.
        await edge.conversations.tell(
            sender.session, user=sender.user, type="typing", frame=body, origin=origin
        )


async def _ack(sender: Sender, ack: Ack) -> None:
    await sender.edge.conversations.seen(
        sender.session, user=sender.user, device=sender.device, seq=Seq(ack.seq)
    )


async def _command(sender: Sender, command: Command) -> ServerFrame:
    handler = _COMMANDS.get(command.command)
    if handler is None:
        raise Refused(ErrorCode.UNKNOWN_COMMAND, "There is no such command over HTTP.")
    return await handler(sender, command)


async def _history(sender: Sender, command: Command) -> ServerFrame:
    events, has_more = await sender.edge.conversations.history(
        sender.session,
        before=None if command.before is None else Seq(command.before),
        limit=command.limit or limits.HISTORY,
        user=sender.user,
    )
    return history_reply(events, command, has_more=has_more, plain=sender.plain)


async def _queue(sender: Sender, command: Command) -> ServerFrame:
    new_id = sender.edge.new_id()
    mail = queued_mail(command, user=sender.user, device=sender.device, new_id=new_id)
    await append_patiently(
        sender.edge.conversations, sender.session, mail, origin=ConnectionId(new_id)
    )
    return queued_reply(mail, command)


async def _sessions(sender: Sender, command: Command) -> ServerFrame:
    return sessions_reply(await sender.edge.conversations.sessions(sender.user), command)


async def _presence(sender: Sender, command: Command) -> ServerFrame:
    users = [UserId(user) for user in command.user_ids or [sender.user]]
    others = frozenset(users) - {sender.user}
    if others:
        asked = {sender.user, *others}
        if outsiders(asked, await sender.edge.memberships.roles(sender.session, asked)):
            raise Refused(ErrorCode.FORBIDDEN, "You may not see where this user is.")
    return presence_reply(await sender.edge.connections.whereabouts(users), command)


_COMMANDS: dict[str, Callable[[Sender, Command], Awaitable[ServerFrame]]] = {
    "get_history": _history,
    "clear_history": _queue,
    "switch_topic": _queue,
    "list_sessions": _sessions,
    "get_presence": _presence,
}
_HANDLERS: dict[
    type[client_frames.AnyClientFrame], Callable[[Sender, Any], Awaitable[ServerFrame | None]]
] = {
    Text: _text,
    Answer: _answer,
    Cancel: _cancel,
    Typing: _typing,
    Ack: _ack,
    Command: _command,
}
