"""Who is connected through this process, on Redis."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any

from parley_core.domain.events import Whereabouts
from parley_core.domain.ids import (
    PARTITIONS,
    ConnectionId,
    DeviceId,
    Partition,
    ProcessId,
    UserId,
    partition_of,
)
from parley_core.domain.presence import GRACE
from parley_core.redis.client import RedisClient
from parley_core.redis.keys import Keys
from parley_core.redis.scripts import script
from parley_core.redis.whereabouts import leaving_key, whereabouts, whereabouts_keys

_HINTS = 10_000
"""Hints that wait for the presence service; older ones go, and its audit makes up for them."""


_PARTITIONS = tuple(Partition(number) for number in range(PARTITIONS))


async def held_by(
    process: ProcessId, *, client: RedisClient, keys: Keys
) -> dict[Partition, list[tuple[bytes, bytes]]]:
    """The connections that Redis has of a process, each with its user; only where there are any."""
    names = [keys.connections(process, partition=partition) for partition in _PARTITIONS]
    replies = await asyncio.gather(*(client.command("HGETALL", name, key=name) for name in names))
    return {
        partition: list(zip(held[::2], held[1::2], strict=True))
        for partition, held in zip(_PARTITIONS, replies, strict=True)
        if held
    }


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
        await asyncio.gather(entered, self.hint(user))

    async def leave(self, user: UserId, *, connection: ConnectionId) -> None:
        keys = self._keys
        left = self._client.script(
            script("leave"),
            [keys.online(user), self._held(user), leaving_key(keys, user), keys.user(user)],
            [connection, user, round(GRACE * 1000)],
        )
        await asyncio.gather(left, self.hint(user))

    async def held(self) -> dict[ConnectionId, UserId]:
        found = await held_by(self._process, client=self._client, keys=self._keys)
        return {
            ConnectionId(connection.decode()): UserId(user.decode())
            for held in found.values()
            for connection, user in held
        }

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

    def hint(self, user: UserId) -> Awaitable[Any]:
        """In the same pipeline: the presence service then looks at the state itself."""
        stream = self._keys.presence
        return self._client.command(
            "XADD", stream, "MAXLEN", "~", _HINTS, "*", "user", user, key=stream
        )
