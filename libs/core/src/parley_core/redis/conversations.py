"""Sessions as an edge sees them, on Redis."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

import msgspec

from parley_core.domain import limits
from parley_core.domain.client_frames import Position
from parley_core.domain.codes import ErrorCode
from parley_core.domain.errors import Refused, Unavailable
from parley_core.domain.events import (
    Accepted,
    Attachment,
    Event,
    Glance,
    Listed,
    Mail,
    MailKind,
    Opened,
    Top,
)
from parley_core.domain.ids import (
    ConnectionId,
    DeviceId,
    Epoch,
    MessageId,
    ProcessId,
    Seq,
    SessionId,
    TurnId,
    UserId,
)
from parley_core.domain.live import LiveFrame, pack
from parley_core.domain.members import Role, may_write, mentions_agent, roles_of
from parley_core.redis import replies
from parley_core.redis.client import RedisClient
from parley_core.redis.keys import Keys
from parley_core.redis.lists import SessionLists
from parley_core.redis.naming import partition_named, session_keys
from parley_core.redis.opening import Client, Opening
from parley_core.redis.scripts import script
from parley_core.redis.wire import Argument

_mail_encoder = msgspec.json.Encoder()
_LOGGED = {MailKind.TEXT, MailKind.ANSWER}
_LOGGED_AS = "text"
_DEVICES = 100
"""Devices of one user whose read position in a session is kept."""


class RedisConversations:
    """Implements `ports.Conversations`."""

    def __init__(
        self,
        client: RedisClient,
        keys: Keys,
        *,
        process: ProcessId,
        nonce: Callable[[], str],
        rate_text: float,
        burst: float,
        kept: int,
        max_sessions: int,
    ) -> None:
        self._client = client
        self._keys = keys
        self._lists = SessionLists(client, keys)
        self._opening = Opening(
            client, keys, process=process, nonce=nonce, max_sessions=max_sessions
        )
        self._rate: tuple[Argument, Argument] = (rate_text, burst)
        self._kept = kept

    async def open(
        self,
        user: UserId,
        *,
        device: DeviceId,
        connection: ConnectionId,
        session: SessionId | None = None,
        new: str | None = None,
        position: Position | None = None,
    ) -> Opened:
        client = Client(user, device, connection, position)
        return await self._opening.open(client, session=session, new=new)

    async def attach(
        self, session: SessionId, *, user: UserId, position: Position | None
    ) -> Attachment | None:
        try:
            return (await self._opening.attach(session, user, position)).attachment
        except Refused as refused:
            if refused.code is ErrorCode.SESSION_NOT_FOUND:
                return None
            raise

    async def append(
        self,
        session: SessionId,
        mail: Mail,
        *,
        frame: bytes,
        origin: ConnectionId,
        value: bytes = b"",
    ) -> Accepted:
        names = self._keys.session(session)
        partition = partition_named(session)
        shared = self._keys.partition(partition)
        rate = self._keys.rate(mail.user_id, "text", partition=partition)
        reply = await self._client.script(
            script("append"),
            [*session_keys(names), shared.leases, shared.ready, rate],
            [
                *(session, mail.message_id, _mail_encoder.encode(mail), frame, _LOGGED_AS, origin),
                *(mail.user_id, "" if mail.after is None else mail.after, mail.strategy),
                *(self._kept, limits.REMEMBERED, limits.MAILBOX, *self._rate),
                *(self._client.publish_verb, names.channel, self._keys.wake, partition),
                *(mail.kind, mail.interrupt_id, value, int(mentions_agent(mail.content))),
            ],
        )
        seq, epoch, repeated, addressed = replies.accepted(reply, what="append")
        return Accepted(
            seq=Seq(seq) if mail.kind in _LOGGED else None,
            epoch=Epoch(replies.text(epoch)),
            repeated=bool(repeated),
            addressed=bool(addressed),
        )

    async def history(
        self,
        session: SessionId,
        *,
        before: Seq | None,
        limit: int,
        user: UserId | None = None,
    ) -> tuple[tuple[Event, ...], bool]:
        log = self._keys.session(session).log
        if before is not None and before <= 1:
            return (), False
        newest = "+" if before is None else f"{before - 1}-0"
        (top, role), entries = await asyncio.gather(
            self._standing(session, user or UserId("")),
            self._client.command("XREVRANGE", log, newest, "-", "COUNT", limit + 1, key=log),
        )
        if user is not None and top is not None and role is None:
            raise Refused(ErrorCode.FORBIDDEN, "You are not in this session.")
        events = tuple(replies.event(entry) for entry in reversed(entries[:limit]))
        return events, len(entries) > limit

    async def sessions(self, user: UserId, *, archived: bool = False) -> tuple[Listed, ...]:
        return await self._lists.read(user, archived=archived)

    async def top(self, session: SessionId) -> Top | None:
        return (await self._standing(session, UserId("")))[0]

    async def cancel(self, session: SessionId, *, user: UserId, turn: TurnId | None) -> TurnId:
        partition = partition_named(session)
        names, shared = self._keys.session(session), self._keys.partition(partition)
        reply = await self._client.script(
            script("cancel"),
            [names.meta, names.mail, shared.leases, shared.ready],
            [session, turn or "", self._keys.wake, partition, user],
        )
        (stopped,) = replies.accepted(reply, what="cancel")
        return TurnId(replies.text(stopped))

    async def seen(self, session: SessionId, *, user: UserId, device: DeviceId, seq: Seq) -> None:
        names = self._keys.session(session)
        reply = await self._client.script(
            script("seen"), [names.meta, names.seen], [device, seq, _DEVICES, user]
        )
        replies.accepted(reply, what="receipt")

    async def touch(self, session: SessionId, *, user: UserId) -> None:
        names = self._keys.session(session)
        owner = await self._client.command("HGET", names.meta, "owner", key=names.meta)
        if owner is None:
            return
        own = self._keys.user(UserId(replies.text(owner)))
        await self._client.script(script("touch"), [*session_keys(names), own], [])
        if replies.text(owner) != user:
            await self._lists.touch(user)

    async def tell(
        self,
        session: SessionId,
        *,
        user: UserId,
        type: str,
        frame: bytes,
        origin: ConnectionId,
    ) -> None:
        channel = self._keys.session(session).channel
        top, role = await self._standing(session, user)
        if top is None:
            return
        if not may_write(role):
            raise Refused(ErrorCode.FORBIDDEN, "You may not tell the others in this session.")
        message = pack(
            LiveFrame(
                is_log=False,
                type=type,
                epoch=top.epoch,
                seq=top.seq,
                origin=origin,
                id=top.id,
                body=frame,
            )
        )
        await self._client.command(self._client.publish_verb, channel, message, key=channel)

    async def glance(
        self, asked: Mapping[SessionId, Collection[UserId]]
    ) -> dict[SessionId, Glance | Unavailable]:
        """All leave in one pipeline a node."""
        found = await asyncio.gather(
            *(self._ask(session, people) for session, people in asked.items()),
            return_exceptions=True,
        )
        glances: dict[SessionId, Glance | Unavailable] = {}
        for (session, people), reply in zip(asked.items(), found, strict=True):
            if isinstance(reply, Unavailable):
                glances[session] = reply
            elif isinstance(reply, BaseException):
                raise reply
            else:
                glances[session] = _glance(people, reply)
        return glances

    async def _standing(self, session: SessionId, user: UserId) -> tuple[Top | None, Role | None]:
        """The newest event, and what the user is; nothing of a session that is gone."""
        glance = _glance([user], await self._ask(session, [user]))
        return glance.top, glance.roles.get(user)

    def _ask(self, session: SessionId, people: Collection[UserId]) -> Awaitable[Any]:
        meta = self._keys.session(session).meta
        fields = ("epoch", "seq", "id", "owner", *(f"m:{user}" for user in people))
        return self._client.command("HMGET", meta, *fields, key=meta)


def _glance(people: Collection[UserId], reply: list[bytes | None]) -> Glance:
    epoch, seq, id_, owner, *stored = reply
    if epoch is None:
        return Glance(None, {})
    top = Top(Epoch(replies.text(epoch)), Seq(int(seq or 0)), MessageId(replies.text(id_)))
    roles = roles_of(people, owner=replies.text(owner), stored=map(replies.text, stored))
    return Glance(top, roles)
