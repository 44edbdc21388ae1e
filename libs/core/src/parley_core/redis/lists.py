"""Users' own lists of sessions, and what they say of those of others, on Redis."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence

from msgspec.structs import replace

from parley_core.domain import limits
from parley_core.domain.events import Listed
from parley_core.domain.ids import Seq, SessionId, UserId, session_partition
from parley_core.domain.members import Role, role_of
from parley_core.redis import replies
from parley_core.redis.client import RedisClient
from parley_core.redis.clock import redis_time
from parley_core.redis.keys import Keys
from parley_core.redis.scripts import script
from parley_core.redis.user_sessions import UserSessions

_TRIES = 8
"""How often a role may change while a list is told of it; past that the sweep tells it."""
_OVERDUE_MS = 5_000
"""A debt this old is nobody's who still works on it."""
_LIFE_MS = 7 * 24 * 3_600 * 1_000
_BATCH = 100
"""Debts of one partition that one sweep pays; the others come with the next."""


class SessionLists:
    """Hints in their users' partitions; the truth about membership is in each session's meta.

    Any list may be told by anybody, any number of times: it is told what is true then.
    """

    def __init__(self, client: RedisClient, keys: Keys) -> None:
        self._client = client
        self._keys = keys

    async def read(self, user: UserId, *, archived: bool = False) -> tuple[Listed, ...]:
        """Newest activity first. What the list has wrong of sessions of others it has no more."""
        sessions = await self.known(user)
        put_away = sessions.archived if archived else []
        named = [*sessions.listed, *put_away, *sessions.groups]
        metas = await asyncio.gather(*(self._meta(session, user) for session in named))
        rows, current = [], sessions.group or sessions.current
        for session, meta in zip(named, metas, strict=True):
            row = _row(session, meta, user=user, is_current=session == current)
            hint = sessions.groups.get(session)
            if hint is not None and hint != (row and row.role):
                await self.tell(session, user, Role(row.role) if row else None)
            if row:
                rows.append(replace(row, archived=session in put_away))
        return tuple(sorted(rows, key=lambda row: -row.last_active))

    async def known(self, user: UserId) -> UserSessions:
        """The list as it is stored."""
        key = self._keys.user(user)
        return UserSessions.read(await self._client.command("HGETALL", key, key=key))

    async def touch(self, user: UserId) -> None:
        """It lives on for as long as a session that somebody uses."""
        key = self._keys.user(user)
        await self._client.command("PEXPIRE", key, _LIFE_MS, key=key)

    async def tell(
        self, session: SessionId, user: UserId, role: Role | None, *, is_current: bool = False
    ) -> None:
        """`is_current`: the user has opened it."""
        await self._client.script(
            script("list"),
            [self._keys.user(user)],
            [session, role or "", limits.GROUPS, int(is_current)],
        )

    async def pay(self, session: SessionId, user: UserId) -> None:
        """Tell the user's list what it is owed.

        Two at once may tell it in the wrong order. Whoever has told something looks again, until
        nothing is owed and what was told last is what is true.
        """
        told: Role | str | None = "nothing"
        for _ in range(_TRIES):
            due, role = await self._owed(session, user)
            if due is None and told in {"nothing", role}:
                return
            await self.tell(session, user, role)
            told = role
            if due is not None:
                await self._client.script(
                    script("paid"), [self._owed_key(session)], [f"{session}\n{user}", due]
                )

    async def sweep(self) -> int:
        """Pay what nobody has; how many debts there were."""
        before = await redis_time(self._client) - _OVERDUE_MS
        found = await asyncio.gather(
            *(
                self._client.command(
                    *("ZRANGEBYSCORE", names.owed, "-inf", before, "LIMIT", 0, _BATCH),
                    key=names.owed,
                )
                for names in self._keys.partitions()
            )
        )
        debts = [replies.text(debt).partition("\n") for of_one in found for debt in of_one]
        for session, _, user in debts:
            await self.pay(SessionId(session), UserId(user))
        return len(debts)

    def _meta(self, session: SessionId, user: UserId) -> Awaitable[list[bytes | None]]:
        meta = self._keys.session(session).meta
        fields = ("seq", "active", "topic", "owner", f"m:{user}")
        return self._client.command("HMGET", meta, *fields, key=meta)

    async def _owed(self, session: SessionId, user: UserId) -> tuple[int | None, Role | None]:
        """Since when the list is owed something, and what is true now: in this order."""
        owed, meta = self._owed_key(session), self._keys.session(session).meta
        due, (owner, stored) = await asyncio.gather(
            self._client.command("ZSCORE", owed, f"{session}\n{user}", key=owed),
            self._client.command("HMGET", meta, "owner", f"m:{user}", key=meta),
        )
        role = role_of(user, owner=replies.text(owner), stored=replies.text(stored))
        return None if due is None else int(due), role

    def _owed_key(self, session: SessionId) -> str:
        partition = session_partition(session)
        if partition is None:
            raise ValueError(f"expected a session's id, got {session!r}")
        return self._keys.partition(partition).owed


def _row(
    session: SessionId, meta: Sequence[bytes | None], *, user: UserId, is_current: bool
) -> Listed | None:
    """What a list shows of a session; None if it is gone or not for the user."""
    seq, active, topic, owner, stored = meta
    role = role_of(user, owner=replies.text(owner), stored=replies.text(stored))
    if seq is None or role is None:
        return None
    return Listed(
        session=session,
        role=role.value,
        topic=replies.text(topic),
        seq=Seq(int(seq)),
        last_active=int(active or 0),
        current=is_current,
    )
