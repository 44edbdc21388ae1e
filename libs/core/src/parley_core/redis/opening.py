"""How a connection comes to a session: the user's own in one script, somebody else's in three.

The lists of the user's own sessions share a partition with them. A session of others is in another
one: first attach, which says whether the user is in it, then register the connection at home.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from parley_core.domain import limits
from parley_core.domain.client_frames import Position
from parley_core.domain.codes import ErrorCode
from parley_core.domain.errors import Refused, Unavailable
from parley_core.domain.events import Attachment, Opened
from parley_core.domain.ids import (
    ConnectionId,
    DeviceId,
    ProcessId,
    SessionId,
    UserId,
    new_session_id,
    partition_of,
)
from parley_core.domain.members import Role
from parley_core.redis import replies
from parley_core.redis.client import RedisClient
from parley_core.redis.connections import RedisConnections
from parley_core.redis.keys import Keys
from parley_core.redis.lists import SessionLists
from parley_core.redis.naming import partition_named, position_arguments, session_keys
from parley_core.redis.scripts import script
from parley_core.redis.user_sessions import UserSessions
from parley_core.redis.wire import Argument

_TRIES = 8
"""How often the user's sessions may change under an open before it gives up."""


class Client(NamedTuple):
    """Who opens a session, and what it has of it."""

    user: UserId
    device: DeviceId
    connection: ConnectionId
    position: Position | None


class Attached(NamedTuple):
    """What somebody gets of a session, and as what."""

    role: Role
    attachment: Attachment


class Opening:
    """`nonce` makes the ids of sessions and epochs unique."""

    def __init__(
        self,
        client: RedisClient,
        keys: Keys,
        *,
        process: ProcessId,
        nonce: Callable[[], str],
        max_sessions: int,
    ) -> None:
        self._client = client
        self._keys = keys
        self._process = process
        self._nonce = nonce
        self._max_sessions = max_sessions
        self._connections = RedisConnections(client, keys, process=process)
        self._lists = SessionLists(client, keys)

    async def open(self, client: Client, *, session: SessionId | None, new: str | None) -> Opened:
        """As `ports.Conversations.open` says."""
        made = new_session_id(client.user, nonce=new or self._nonce())
        for _ in range(_TRIES):
            sessions = await self._lists.known(client.user)
            others = None if new else await self._session_of_others(session, sessions, client)
            if others is not None:
                opened = await self._open_of_others(client, others, sessions, named=bool(session))
            else:
                target = made if new else session or sessions.current or made
                opened = await self._open_own(client, target, sessions)
            if opened is not None:
                return opened
        raise Unavailable(f"The user's sessions changed {_TRIES} times while one was opened.")

    async def attach(self, session: SessionId, user: UserId, position: Position | None) -> Attached:
        """Raises `Refused` (FORBIDDEN, SESSION_NOT_FOUND)."""
        partition_named(session)
        reply = await self._client.script(
            script("attach"),
            session_keys(self._keys.session(session)),
            [*position_arguments(position), limits.PAGE, limits.SNAPSHOT, user],
        )
        role, attached = replies.accepted(reply, what="attach")
        return Attached(Role(replies.text(role)), replies.attachment(attached))

    async def _session_of_others(
        self, session: SessionId | None, sessions: UserSessions, client: Client
    ) -> SessionId | None:
        """What is to be opened, if it is not the user's own.

        Raises `Refused` (SESSION_NOT_FOUND) for one that no list names and that is not there.
        """
        if session is None or session in sessions.groups:
            return session or sessions.group
        if session in sessions.roles:
            return None
        partition_named(session)
        meta = self._keys.session(session).meta
        owner = await self._client.command("HGET", meta, "owner", key=meta)
        if owner is None:
            raise Refused(ErrorCode.SESSION_NOT_FOUND, "There is no such session.")
        return None if replies.text(owner) == client.user else session

    async def _open_of_others(
        self, client: Client, session: SessionId, sessions: UserSessions, *, named: bool
    ) -> Opened | None:
        """None if the list was wrong about the current one, and is not any more."""
        try:
            role, attachment = await self.attach(session, client.user, client.position)
        except Refused:
            if session in {*sessions.groups, sessions.group}:
                await self._lists.tell(session, client.user, None)
            if named:
                raise
            return None
        user, device, connection, _ = client
        await asyncio.gather(
            self._connections.enter(user, device=device, connection=connection),
            self._lists.tell(session, user, role, is_current=True),
        )
        return Opened(session, existed=True, attachment=attachment, role=role)

    async def _open_own(
        self, client: Client, target: SessionId, sessions: UserSessions
    ) -> Opened | None:
        """None if the user's sessions have changed meanwhile."""
        reply = await self._script(target, sessions, client)
        if reply[0] == b"changed":
            return None
        existed, attached = replies.accepted(reply, what="open")
        return Opened(target, bool(existed), replies.attachment(attached), Role.OWNER)

    async def _script(
        self, target: SessionId, sessions: UserSessions, client: Client
    ) -> Sequence[Any]:
        keys, user = self._keys, client.user
        others = [session for session in sessions.listed if session != target]
        args: list[Argument] = [
            *(target, user, sessions.revision, client.connection, client.device),
            *(self._process, self._nonce(), *position_arguments(client.position)),
            *(limits.PAGE, limits.SNAPSHOT, self._max_sessions),
            *others,
        ]
        listed = [keys.session(other) for other in others]
        reply = self._client.script(
            script("open"),
            [
                *session_keys(keys.session(target)),
                *(keys.user(user), keys.online(user)),
                keys.connections(self._process, partition=partition_of(user)),
                *(name for each in listed for name in (each.meta, each.mail)),
            ],
            args,
        )
        result: Sequence[Any]
        result, _ = await asyncio.gather(reply, self._connections.hint(user))
        return result
