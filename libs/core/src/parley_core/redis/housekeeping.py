"""What nobody needs any more is taken away, and what was missed is found, on Redis."""

from __future__ import annotations

import asyncio

from parley_core.domain.ids import ProcessId, UserId, partition_of, session_partition
from parley_core.domain.presence import REMEMBERED
from parley_core.redis.client import RedisClient
from parley_core.redis.clock import redis_time
from parley_core.redis.connections import held_by
from parley_core.redis.keys import Keys
from parley_core.redis.lists import SessionLists
from parley_core.redis.processes import RedisProcesses
from parley_core.redis.scripts import script
from parley_core.redis.user_sessions import UserSessions

_CLOCKS = 60_000
"""Milliseconds by which the clocks of two nodes of a Cluster may differ."""


class RedisHousekeeping:
    """Slow work of the presence service. Any replica may do any of it, any number of times."""

    def __init__(self, client: RedisClient, keys: Keys, *, processes: RedisProcesses) -> None:
        self._client = client
        self._keys = keys
        self._processes = processes
        self._lists = SessionLists(client, keys)

    async def unbar(self) -> int:
        """Forget bars that are over; how many there were."""
        over = await redis_time(self._client) - _CLOCKS
        removed: list[int] = await asyncio.gather(
            *(
                self._client.command(
                    "ZREMRANGEBYSCORE", names.barred, "-inf", over, key=names.barred
                )
                for names in self._keys.partitions()
            )
        )
        return sum(removed)

    async def forget_processes(self) -> tuple[ProcessId, ...]:
        """The processes that were reaped long ago, and are now reaped once more and forgotten.

        What a dead process had sent may arrive after its reaping.
        """
        key = self._keys.processes
        now = await redis_time(self._client, key=key)
        longest_ago = -(now - round(REMEMBERED * 1000))
        reply = await self._client.command("ZRANGEBYSCORE", key, longest_ago, "(0", key=key)
        reaped = tuple(ProcessId(process.decode()) for process in reply)
        for process in reaped:
            await self._processes.retire(process)
        return reaped

    async def connected_users(self) -> tuple[UserId, ...]:
        """All users who have a connection of a process that is still known."""
        known = await self._client.command(
            "ZRANGE", self._keys.processes, 0, -1, key=self._keys.processes
        )
        users: set[bytes] = set()
        for process in known:
            found = await held_by(process.decode(), client=self._client, keys=self._keys)
            users.update(user for held in found.values() for _, user in held)
        return tuple(UserId(user.decode()) for user in sorted(users))

    async def tell_lists(self) -> int:
        """Tell lists what a process that died owed them; how much that was."""
        return await self._lists.sweep()

    async def prune(self, user: UserId) -> int:
        """Take sessions that expired off the user's list; how many there were."""
        key = self._keys.user(user)
        listed = UserSessions.read(await self._client.command("HGETALL", key, key=key))
        # Of a session in another partition only its owner's script may say that it is gone.
        own = [each for each in listed.roles if session_partition(each) == partition_of(user)]
        if not own:
            return 0
        metas = [self._keys.session(session).meta for session in own]
        pruned: int = await self._client.script(script("prune"), [key, *metas], own)
        return pruned
