"""Who is in a session, on Redis.

A member's own list of sessions is in another partition than the session. The scripts that change
who is in one note, in the same step, that the list is owed the news; `pay` tells it what is true
then, as often as it takes, and whoever sweeps pays what a process that died has left.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from parley_core.domain import limits
from parley_core.domain.codes import ErrorCode
from parley_core.domain.errors import Refused
from parley_core.domain.ids import SessionId, UserId, partition_of, session_partition
from parley_core.domain.members import Group, Member, ReplyMode, Role, roles_of
from parley_core.redis import replies
from parley_core.redis.client import RedisClient
from parley_core.redis.keys import Keys, PartitionKeys
from parley_core.redis.lists import SessionLists
from parley_core.redis.naming import partition_named, session_keys
from parley_core.redis.scripts import script

_BACK_END = ""
"""Who asks, if it is nobody with a role."""


class RedisMemberships:
    """Implements `ports.Memberships`."""

    def __init__(self, client: RedisClient, keys: Keys) -> None:
        self._client = client
        self._keys = keys
        self._lists = SessionLists(client, keys)

    async def members(self, session: SessionId, *, by: UserId | None) -> Group:
        partition_named(session)
        found = await self._client.script(script("group"), [self._keys.session(session).meta], [])
        if found is None:
            raise Refused(ErrorCode.SESSION_NOT_FOUND, "The session has ended.")
        owner, mode, *rest = map(replies.text, found)
        others = [
            Member(UserId(user), Role(role))
            for user, role in zip(rest[::2], rest[1::2], strict=True)
        ]
        members = (Member(UserId(owner), Role.OWNER), *sorted(others, key=lambda one: one.user))
        if by is not None and by not in {member.user for member in members}:
            raise Refused(ErrorCode.FORBIDDEN, "You are not in this session.")
        return Group(members, ReplyMode(mode))

    async def roles(
        self, session: SessionId, users: Collection[UserId]
    ) -> dict[UserId, Role | None]:
        meta, named = self._keys.session(session).meta, list(users)
        owner, *stored = await self._client.command(
            "HMGET", meta, "owner", *(f"m:{user}" for user in named), key=meta
        )
        if owner is None:
            return {}
        return roles_of(named, owner=replies.text(owner), stored=map(replies.text, stored))

    async def set_role(
        self, session: SessionId, user: UserId, *, role: Role, by: UserId | None
    ) -> None:
        if role is Role.OWNER:
            raise Refused(ErrorCode.FORBIDDEN, "A session stays its owner's.")
        await self._change(session, user, role, by)

    async def remove(self, session: SessionId, user: UserId, *, by: UserId | None) -> None:
        await self._change(session, user, "", by)

    async def set_reply(self, session: SessionId, mode: ReplyMode, *, by: UserId | None) -> None:
        partition_named(session)
        reply = await self._client.script(
            script("reply_mode"), [self._keys.session(session).meta], [by or _BACK_END, mode]
        )
        replies.accepted(reply, what="reply mode")

    async def drop(self, session: SessionId, *, by: UserId | None) -> None:
        partition = session_partition(session)
        if partition is None:
            return
        names, shared = self._keys.session(session), self._keys.partition(partition)
        owner = await self._client.command("HGET", names.meta, "owner", key=names.meta)
        whose = UserId(replies.text(owner)) or by
        if whose is None or partition_of(whose) != partition:
            return  # It is gone, and no list in its partition names it.
        reply = await self._client.script(
            script("drop"),
            [
                *session_keys(names),
                *(shared.leases, shared.leased, shared.ready, self._keys.user(whose), shared.owed),
            ],
            [session, by or _BACK_END, self._client.publish_verb, names.channel],
        )
        members = replies.accepted(reply, what="drop")
        await asyncio.gather(
            *(self._lists.pay(session, UserId(replies.text(user))) for user in members)
        )

    async def _change(self, session: SessionId, user: UserId, role: str, by: UserId | None) -> None:
        shared, names = self._shared(session), self._keys.session(session)
        reply = await self._client.script(
            script("members"),
            [names.meta, shared.owed],
            [
                *(session, by or _BACK_END, user, role, limits.MEMBERS),
                *(self._client.publish_verb, names.channel),
            ],
        )
        replies.accepted(reply, what="membership")
        await self._lists.pay(session, user)

    def _shared(self, session: SessionId) -> PartitionKeys:
        return self._keys.partition(partition_named(session))
