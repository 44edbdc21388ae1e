"""Which processes live, on Redis.

Reaping takes three steps, each of which anybody may repeat: `condemn` makes sure that a process
which lives after all is told at its next beat, `reap` takes its connections away in every
partition, and `bury` ends it, or condemns it again if it beat meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence

import msgspec

from parley_core.domain.events import ProcessInfo
from parley_core.domain.ids import PARTITIONS, Partition, ProcessId, UserId
from parley_core.domain.presence import (
    GRACE,
    LIFE,
    LONGEST_LOOK,
    ProcessState,
    process_state,
)
from parley_core.redis.client import RedisClient
from parley_core.redis.clock import milliseconds
from parley_core.redis.connections import held_by
from parley_core.redis.keys import Keys
from parley_core.redis.scripts import script

_CHUNK = 200
"""Connections that one script takes away: about a millisecond of Redis."""
_ROUNDS = 3
"""How often a reaper looks whether more connections arrived; a later reaping finds the rest."""
_PARTITIONS = tuple(Partition(number) for number in range(PARTITIONS))

_info_decoder = msgspec.json.Decoder(ProcessInfo)


class RedisProcesses:
    """Implements `ports.Processes`."""

    def __init__(self, client: RedisClient, keys: Keys) -> None:
        self._client = client
        self._keys = keys
        self._is_sure: dict[ProcessId, bool] = {}
        """Processes that have beaten from here; False after a beat whose reply was lost."""

    async def beat(self, process: ProcessId, info: ProcessInfo) -> bool:
        """After a lost reply the answer is True: it may have said so, or Redis lost its tail."""
        is_sure = self._is_sure.get(process)
        self._is_sure[process] = False
        described = self._client.command(
            *("HSET", self._keys.process_info, process, msgspec.json.encode(info)),
            key=self._keys.process_info,
        )
        beaten = self._client.script(
            script("beat"),
            [self._keys.processes],
            [process, _ms(LIFE), int(is_sure is not None)],
        )
        _, was_reaped = await asyncio.gather(described, beaten)
        self._is_sure[process] = True
        return bool(was_reaped) or is_sure is False

    async def retire(self, process: ProcessId) -> None:
        """Whatever connections the process could not end are taken away too."""
        await self._take_connections(process)
        await self.forget(process)
        self._is_sure.pop(process, None)

    async def forget(self, process: ProcessId) -> None:
        """Nothing in Redis names the process any more."""
        processes, info = self._keys.processes, self._keys.process_info
        await asyncio.gather(
            self._client.command("ZREM", processes, process, key=processes),
            self._client.command("HDEL", info, process, key=info),
        )

    async def alive(self, *, within: float = LIFE) -> dict[ProcessId, ProcessInfo]:
        processes, info = self._keys.processes, self._keys.process_info
        # TIME comes last, so that '@sweep' is never later.
        infos, scores, clock = await asyncio.gather(
            self._client.command("HGETALL", info, key=info),
            self._client.command("ZRANGE", processes, 0, -1, "WITHSCORES", key=processes),
            self._client.command("TIME", key=processes),
        )
        described = dict(zip(infos[::2], infos[1::2], strict=True))
        # A beat that is `within` seconds old has LIFE less that left.
        now = milliseconds(clock) + _ms(LIFE - within)
        return {
            ProcessId(process.decode()): _info_decoder.decode(described[process])
            for process, score in zip(scores[::2], scores[1::2], strict=True)
            if process_state(float(score), now=now) is ProcessState.ALIVE and process in described
        }

    async def dead(self) -> tuple[ProcessId, ...]:
        overdue = await self._client.script(
            script("overdue"), [self._keys.processes], [_ms(LIFE), _ms(LONGEST_LOOK)]
        )
        return tuple(ProcessId(process.decode()) for process in overdue)

    async def evict(self, process: ProcessId, *, bar: float = 0.0) -> int:
        if bar > 0:
            # Before anything is handed back: the process must not claim it again.
            await asyncio.gather(
                *(
                    self._client.script(script("bar"), [names.barred], [process, _ms(bar)])
                    for names in self._keys.partitions()
                )
            )
        evicted: list[int] = await asyncio.gather(
            *(self._evict(process, partition) for partition in _PARTITIONS)
        )
        await self._wake(
            [number for number, count in zip(_PARTITIONS, evicted, strict=True) if count]
        )
        return sum(evicted)

    async def reap(self, process: ProcessId, *, if_overdue: bool = False) -> int:
        is_condemned = await self._client.script(
            script("condemn"), [self._keys.processes], [process, int(if_overdue)]
        )
        if not is_condemned:
            return 0
        reaped = await self._take_connections(process)
        await self._client.script(script("bury"), [self._keys.processes], [process])
        return reaped

    def _evict(self, process: ProcessId, partition: Partition) -> Awaitable[int]:
        names, claim = (
            self._keys.partition(partition),
            self._keys.claim(process, partition=partition),
        )
        keys = [names.leases, names.leased, names.ready, claim]
        return self._client.script(script("evict"), keys, [process])

    async def _wake(self, partitions: Sequence[Partition]) -> None:
        await asyncio.gather(
            *(
                self._client.command("PUBLISH", self._keys.wake, partition)
                for partition in partitions
            )
        )

    async def _take_connections(self, process: ProcessId) -> int:
        """How many there were, in all partitions."""
        taken = 0
        for _ in range(_ROUNDS):
            found = await held_by(process, client=self._client, keys=self._keys)
            for partition, held in found.items():
                taken += await self._take(process, partition, held)
            if not found:
                break
        return taken

    async def _take(
        self, process: ProcessId, partition: Partition, held: Sequence[tuple[bytes, bytes]]
    ) -> int:
        keys = self._keys
        shared = [
            keys.connections(process, partition=partition),
            keys.partition(partition).leaving,
        ]
        taken = 0
        for start in range(0, len(held), _CHUNK):
            chunk = held[start : start + _CHUNK]
            users = [UserId(user.decode()) for _, user in chunk]
            own = [name for user in users for name in (keys.online(user), keys.user(user))]
            named = [name for pair in chunk for name in pair]
            taken += await self._client.script(
                script("reap"), [*shared, *own], [_ms(GRACE), *named]
            )
        return taken


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
