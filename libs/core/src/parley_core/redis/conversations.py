"""Sessions as an edge sees them, on Redis."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec

from parley_core.domain import limits
from parley_core.domain.client_frames import Position
from parley_core.domain.codes import ErrorCode
from parley_core.domain.errors import Refused, Unavailable
from parley_core.domain.events import (
    Accepted,
    Attachment,
    Event,
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
    Partition,
    ProcessId,
    Seq,
    SessionId,
    TurnId,
    UserId,
    new_session_id,
    partition_of,
    session_partition,
)
from parley_core.domain.live import LiveFrame, pack
from parley_core.redis import replies
from parley_core.redis.client import RedisClient
from parley_core.redis.keys import Keys, SessionKeys
from parley_core.redis.scripts import script
from parley_core.redis.user_sessions import UserSessions
from parley_core.redis.wire import Argument

_mail_encoder = msgspec.json.Encoder()
_OPEN_TRIES = 8
"""How often the user's sessions may change under an open before it gives up."""
_LOGGED = {MailKind.TEXT, MailKind.ANSWER}
_LOGGED_AS = "text"
_DEVICES = 100
"""Devices of one session whose read position is kept."""


class _Client(NamedTuple):
    """Who opens a session, and what it has of it."""

    user: UserId
    device: DeviceId
    connection: ConnectionId
    position: Position | None


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
        self._process = process
        self._nonce = nonce
        self._rate: tuple[Argument, Argument] = (rate_text, burst)
        self._kept = kept
        self._max_sessions = max_sessions

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
        client = _Client(user, device, connection, position)
        made = new_session_id(user, nonce=new or self._nonce())
        for _ in range(_OPEN_TRIES):
            sessions = await self._sessions_of(user)
            target = made if new else session or sessions.current or made
            if target == session and session not in sessions.roles:
                await self._check_owner(session, user)
            reply = await self._open(target, sessions, client)
            if reply[0] != b"changed":
                existed, attached = replies.accepted(reply, what="open")
                return Opened(target, bool(existed), replies.attachment(attached))
        raise Unavailable(f"The user's sessions changed {_OPEN_TRIES} times while one was opened.")

    async def attach(self, session: SessionId, *, position: Position | None) -> Attachment | None:
        reply = await self._client.script(
            script("attach"),
            session_keys(self._keys.session(session)),
            [*_position(position), limits.PAGE, limits.SNAPSHOT],
        )
        return replies.attachment(reply) if reply else None

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
        partition = _partition(session)
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
                *(mail.kind, mail.interrupt_id, value),
            ],
        )
        seq, epoch, repeated = replies.accepted(reply, what="append")
        is_logged = mail.kind in _LOGGED
        return Accepted(Seq(seq) if is_logged else None, Epoch(replies.text(epoch)), bool(repeated))

    async def history(
        self, session: SessionId, *, before: Seq | None, limit: int
    ) -> tuple[tuple[Event, ...], bool]:
        log = self._keys.session(session).log
        if before is not None and before <= 1:
            return (), False
        newest = "+" if before is None else f"{before - 1}-0"
        entries = await self._client.command(
            "XREVRANGE", log, newest, "-", "COUNT", limit + 1, key=log
        )
        events = tuple(replies.event(entry) for entry in reversed(entries[:limit]))
        return events, len(entries) > limit

    async def sessions(self, user: UserId, *, archived: bool = False) -> tuple[Listed, ...]:
        sessions = await self._sessions_of(user)
        wanted = sessions.listed + (sessions.archived if archived else [])
        names = [self._keys.session(session).meta for session in wanted]
        metas = await asyncio.gather(
            *(
                self._client.command("HMGET", each, "seq", "active", "topic", key=each)
                for each in names
            )
        )
        rows = [
            Listed(
                session=session,
                role=sessions.role(session),
                topic=replies.text(topic),
                seq=Seq(int(seq)),
                last_active=int(active),
                current=session == sessions.current,
                archived=sessions.is_archived(session),
            )
            for session, (seq, active, topic) in zip(wanted, metas, strict=True)
            if seq is not None
        ]
        return tuple(sorted(rows, key=lambda row: -row.last_active))

    async def top(self, session: SessionId) -> Top | None:
        meta = self._keys.session(session).meta
        epoch, seq, id_ = await self._client.command("HMGET", meta, "epoch", "seq", "id", key=meta)
        if epoch is None:
            return None
        return Top(Epoch(replies.text(epoch)), Seq(int(seq)), MessageId(replies.text(id_)))

    async def cancel(self, session: SessionId, *, turn: TurnId | None) -> TurnId:
        partition = _partition(session)
        names, shared = self._keys.session(session), self._keys.partition(partition)
        reply = await self._client.script(
            script("cancel"),
            [names.meta, names.mail, shared.leases, shared.ready],
            [session, turn or "", self._keys.wake, partition],
        )
        (stopped,) = replies.accepted(reply, what="cancel")
        return TurnId(replies.text(stopped))

    async def seen(self, session: SessionId, *, device: DeviceId, seq: Seq) -> None:
        names = self._keys.session(session)
        await self._client.script(script("seen"), [names.meta, names.seen], [device, seq, _DEVICES])

    async def touch(self, session: SessionId, *, owner: UserId) -> None:
        keys = [*session_keys(self._keys.session(session)), self._keys.user(owner)]
        await self._client.script(script("touch"), keys, [])

    async def tell(
        self, session: SessionId, *, type: str, frame: bytes, origin: ConnectionId
    ) -> None:
        top = await self.top(session)
        if top is None:
            return
        channel = self._keys.session(session).channel
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

    async def _sessions_of(self, user: UserId) -> UserSessions:
        key = self._keys.user(user)
        return UserSessions.read(await self._client.command("HGETALL", key, key=key))

    async def _check_owner(self, session: SessionId, user: UserId) -> None:
        """A session that the user's list does not name: whose is it?"""
        if session_partition(session) is None:
            raise Refused(ErrorCode.SESSION_NOT_FOUND, "There is no such session.")
        meta = self._keys.session(session).meta
        owner = await self._client.command("HGET", meta, "owner", key=meta)
        if owner is None:
            raise Refused(ErrorCode.SESSION_NOT_FOUND, "There is no such session.")
        if replies.text(owner) != user:
            raise Refused(ErrorCode.FORBIDDEN, "This session belongs to somebody else.")

    async def _open(
        self, target: SessionId, sessions: UserSessions, client: _Client
    ) -> Sequence[Any]:
        keys, user = self._keys, client.user
        others = [session for session in sessions.listed if session != target]
        args: list[Argument] = [
            *(target, user, sessions.revision, client.connection, client.device),
            *(self._process, self._nonce(), *_position(client.position)),
            *(limits.PAGE, limits.SNAPSHOT, self._max_sessions),
            *others,
        ]
        reply = self._client.script(
            script("open"),
            [
                *session_keys(keys.session(target)),
                *(keys.user(user), keys.online(user)),
                keys.connections(self._process, partition=partition_of(user)),
                *(name for other in others for name in _meta_and_mail(keys.session(other))),
            ],
            args,
        )
        # A hint, in the same pipeline: the presence service looks at the state itself.
        hint = self._client.command(
            "XADD", keys.presence, "MAXLEN", "~", 10_000, "*", "user", user, key=keys.presence
        )
        result: Sequence[Any]
        result, _ = await asyncio.gather(reply, hint)
        return result


def session_keys(names: SessionKeys) -> list[str]:
    """KEYS 1-10 of every script that touches a whole session."""
    own = [names.meta, names.log, names.ids, names.mail, names.live, names.seen]
    return own + list(names.checkpoints)


def _meta_and_mail(names: SessionKeys) -> tuple[str, str]:
    return names.meta, names.mail


def _partition(session: SessionId) -> Partition:
    partition = session_partition(session)
    if partition is None:
        raise Refused(ErrorCode.SESSION_NOT_FOUND, "There is no such session.")
    return partition


def _position(position: Position | None) -> tuple[Argument, Argument, Argument]:
    if position is None:
        return "", "", ""
    return position.epoch, position.seq, position.id or ""
