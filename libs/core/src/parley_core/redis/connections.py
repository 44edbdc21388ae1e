"""Who is connected through this process, on Redis."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any

from parley_core.domain.events import Whereabouts
from parley_core.domain.ids import ConnectionId, DeviceId, ProcessId, UserId, partition_of
from parley_core.domain.presence import GRACE
from parley_core.redis.client import RedisClient
from parley_core.redis.keys import Keys
from parley_core.redis.scripts import script
from parley_core.redis.whereabouts import leaving_key, whereabouts, whereabouts_keys

_HINTS = 10_000
"""Hints that wait for the presence service; older ones go, and its audit makes up for them."""


class RedisConnections:
    """Implements `ports.Connections`."""

    def __init__(self, client: RedisClient, keys: Keys, *, process: ProcessId) -> None:
        self._client = client
        self._keys = keys
        self._process = process

    async def enter(self, user: UserId, *, device: DeviceId, connection: ConnectionId) -> None:
        entered = self._client.script(
            script("enter"),
            [self._keys.online(user), self._held(user)],
            [connection, user, device, self._process],
        )
        await asyncio.gather(entered, self._hint(user))

    async def leave(self, user: UserId, *, connection: ConnectionId) -> None:
        keys = self._keys
        left = self._client.script(
            script("leave"),
            [keys.online(user), self._held(user), leaving_key(keys, user), keys.user(user)],
            [connection, user, round(GRACE * 1000)],
        )
        await asyncio.gather(left, self._hint(user))

    async def whereabouts(self, users: Sequence[UserId]) -> tuple[Whereabouts, ...]:
        replies = await asyncio.gather(
            *(
                self._client.script(
                    script("whereabouts"), whereabouts_keys(self._keys, user), [user]
                )
                for user in users
            )
        )
        return tuple(whereabouts(user, reply) for user, reply in zip(users, replies, strict=True))

    def _held(self, user: UserId) -> str:
        return self._keys.connections(self._process, partition=partition_of(user))

    def _hint(self, user: UserId) -> Awaitable[Any]:
        """In the same pipeline: the presence service then looks at the state itself."""
        stream = self._keys.presence
        return self._client.command(
            "XADD", stream, "MAXLEN", "~", _HINTS, "*", "user", user, key=stream
        )
