"""A session as its user sees it: one stream in, methods out, whatever happens to connections."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import Self

import msgspec
from msgspec import UNSET

from parley.buffer import EventBuffer
from parley.connection import Observer
from parley.domain.events import Event, Received, State, Status, decode_all
from parley.domain.inbox import Inbox
from parley.errors import Ended, Lost
from parley.line import Line
from parley.sending import Reply, Sender
from parley.stream import Stream, TokenSource
from parley.watching import Watch
from parley_core.domain import client_frames
from parley_core.domain import server_frames as wire
from parley_core.domain.client_frames import Auth, Position, Strategy
from parley_core.domain.codes import ErrorCode
from parley_core.domain.errors import PermanentError, Refused

PATIENCE = 60.0
"""Seconds for which a call is repeated before it gives up: three times the longest backoff."""


class Session:
    """An open session. `async for` yields its events and ends when the session is closed.

    The stream has every log frame exactly once, in seq order, over all reconnections; where that
    is not possible it has a `Snapshot` with `gap`. A text of this session's own is in it as its
    `Ack`. Read the stream while you send: after 1,000 events that nobody took, the socket is not
    read any more.

    Every call that the server answers raises `Refused` (the server's rules say no), `Ended` (no
    connection will come), or `Unacknowledged` (no answer in time: it may have been accepted).
    """

    def __init__(
        self,
        url: str,
        *,
        auth: Auth,
        token: TokenSource | None,
        on_status: Callable[[Status], None],
        observer: Observer | None,
        patience: float,
        roll: Callable[[], float],
    ) -> None:
        self._patience = patience
        self._inbox = Inbox()
        self._events = EventBuffer()
        self._sender = Sender(roll=roll)
        self._watch = Watch(auth)
        self._tell_status = on_status
        stream = Stream(auth, self._inbox, self._sender, self._events, self._watch, token)
        self._line = Line(
            url, listener=stream, on_status=self._changed, observer=observer, roll=roll
        )
        self._running: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._running = asyncio.create_task(self._run())
        try:
            await self._await_live()
        except BaseException:
            await self.aclose()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        event = await self._events.get()
        if event is None:
            raise StopAsyncIteration
        return event

    @property
    def session_id(self) -> str:
        """The session that this connection speaks for."""
        return self._inbox.session_id or ""

    @property
    def position(self) -> Position | None:
        """The newest log frame that the stream has had."""
        return self._inbox.position

    async def aclose(self) -> None:
        """Close the connection and the stream. Idempotent."""
        if self._running is None:
            return
        self._running.cancel()
        await asyncio.wait({self._running})
        if not self._running.cancelled():
            self._running.result()

    def drop(self) -> None:
        """Cut the socket, as when a network changes; the stream goes on over another one."""
        self._line.drop()

    async def ping(self) -> float:
        """Seconds of a round trip to the server. Raises `Lost` or what ended the session."""
        return await (await self._line.live()).ping()

    async def send(
        self,
        content: str,
        *,
        message_id: str | None = None,
        strategy: Strategy = Strategy.ENQUEUE,
        patience: float | None = None,
    ) -> wire.Ack:
        """Say something. Returns when it is in the log, once, under the `seq` of the ack.

        After `Unacknowledged` the same text may be sent again with the same `message_id`.
        """
        key = message_id or new_id()
        position = self.position
        frame = _checked(
            client_frames.Text,
            content=content,
            message_id=key,
            after=position.seq if position else None,
            strategy=strategy,
        )
        return _ack(await self._deliver(frame, key=key, patience=patience))

    async def answer(
        self, interrupt_id: str, *, value: object, message_id: str | None = None
    ) -> wire.Ack:
        """Answer a question of the agent; `value` is anything that JSON can say."""
        key = message_id or new_id()
        raw = msgspec.Raw(msgspec.json.encode(value))
        frame = client_frames.Answer(interrupt_id=interrupt_id, value=raw, message_id=key)
        return _ack(await self._deliver(frame, key=key))

    async def cancel(self, *, turn_id: str | None = None) -> None:
        """Stop a turn, by default the running one. An `error` in the stream: it was too late."""
        await (await self._line.live()).send(client_frames.Cancel(turn_id=turn_id))

    async def typing(self, *, is_typing: bool) -> None:
        """Tell the session's other connections that the user writes, or not. At most once."""
        frame = client_frames.Typing(state="start" if is_typing else "stop")
        await (await self._line.live()).send(frame)

    async def seen(self, seq: int) -> None:
        """This device has shown everything up to `seq`. At most once."""
        await (await self._line.live()).send(client_frames.Ack(seq=seq))

    async def history(
        self, *, before: int | None = None, limit: int | None = None
    ) -> tuple[tuple[Received, ...], bool]:
        """Up to `limit` log frames below `before`, oldest first; and whether older ones exist."""
        reply = await self._request("get_history", before=before, limit=limit)
        if not isinstance(reply, wire.History):
            raise _unexpected("get_history")
        return decode_all(reply.messages), reply.has_more

    async def clear(self) -> None:
        """Forget the conversation. Returns when that is queued; `system {cleared}` follows."""
        await self._command("clear_history")

    async def switch_topic(self, topic: str) -> None:
        """Set the topic. Returns when that is queued; the log frame `system {topic}` follows."""
        await self._command("switch_topic", topic=topic)

    async def sessions(self) -> Sequence[wire.SessionEntry]:
        """The user's sessions, newest activity first."""
        reply = await self._command("list_sessions")
        return () if reply.sessions is UNSET else reply.sessions

    async def presence(self, users: Iterable[str]) -> Sequence[wire.PresenceEntry]:
        """Where users are; with the capability their changes follow in the stream.

        They follow over all reconnections, until the session is left for another one.
        """
        reply = await self._command("get_presence", user_ids=list(users))
        return () if reply.presence is UNSET else reply.presence

    async def new_session(self) -> str:
        """Begin another session and move there; the stream goes on with a `Snapshot` of it.

        Not repeated: after `Unacknowledged` the list of sessions tells whether it was made.
        """
        await self._command("new_session", repeat=False)
        return self.session_id

    async def switch_session(self, session_id: str) -> None:
        """Move to another session; the stream goes on with a `Snapshot` of it."""
        await self._command("switch_session", session_id=session_id)

    async def _command(self, command: str, *, repeat: bool = True, **fields: object) -> wire.System:
        reply = await self._request(command, repeat=repeat, **fields)
        if not isinstance(reply, wire.System):
            raise _unexpected(command)
        return reply

    async def _request(self, command: str, *, repeat: bool = True, **fields: object) -> Reply:
        key = new_id()
        frame = _checked(client_frames.Command, command=command, request_id=key, **fields)
        return await self._deliver(frame, key=key, repeat=repeat)

    async def _deliver(
        self,
        frame: client_frames.ClientFrame,
        *,
        key: str,
        patience: float | None = None,
        repeat: bool = True,
    ) -> Reply:
        limit = self._patience if patience is None else patience
        return await self._sender.deliver(
            frame, key=key, live=self._line.live, patience=limit, repeat=repeat
        )

    async def _await_live(self) -> None:
        try:
            async with asyncio.timeout(self._patience):
                await self._line.live()
        except TimeoutError as late:
            raise Lost(f"no server was reached within {self._patience:g} s") from late

    def _changed(self, status: Status) -> None:
        if status.state is State.LIVE:
            self._watch.renew()
        self._tell_status(status)

    async def _run(self) -> None:
        reason: PermanentError = Ended("the session was closed")
        watching = asyncio.create_task(self._watch.run(self.presence))
        try:
            reason = await self._line.run()
        finally:
            watching.cancel()
            await asyncio.wait({watching})
            self._sender.end(reason)
            self._events.end(reason)


def new_id() -> str:
    """A message id that nobody else has."""
    return secrets.token_hex(16)


def _checked(kind: type[client_frames.ClientFrame], **fields: object) -> client_frames.ClientFrame:
    """A frame of `kind` that the server would accept. Raises `Refused` (INVALID_MESSAGE)."""
    given = {name: value for name, value in fields.items() if value is not None}
    try:
        return msgspec.json.decode(msgspec.json.encode(given | {"type": _tag(kind)}), type=kind)
    except ValueError as error:
        raise Refused(ErrorCode.INVALID_MESSAGE, f"{error}.") from error


def _tag(kind: type[client_frames.ClientFrame]) -> str:
    return str(kind.__struct_config__.tag)


def _ack(reply: Reply) -> wire.Ack:
    if not isinstance(reply, wire.Ack):
        raise _unexpected("text")
    return reply


def _unexpected(call: str) -> Refused:
    return Refused(ErrorCode.INTERNAL, f"The server answered {call} with another type of frame.")
