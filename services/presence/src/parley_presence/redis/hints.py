"""The stream of hints, read by all replicas as one consumer group."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Sequence
from typing import Any, NamedTuple

from redis.exceptions import ResponseError

from parley_core.domain.ids import ProcessId, UserId
from parley_core.redis.client import RedisClient
from parley_core.redis.keys import Keys
from parley_presence.ports import Hint

GROUP = "presence"
_BATCH = 500
"""Hints that one read hands out."""
_WAIT = 1.0
"""Seconds that a read waits for the first hint; a drain waits for it too."""
_ABANDONED = 2_000
"""Milliseconds after which a hint that is not done is handed to somebody else."""
_DEAD = 3_600.0
"""Seconds without a hint after which a reader is taken away; one that lives is made again."""


class _Reader(NamedTuple):
    """`idle`: milliseconds since it last got hints (on newer servers: asked for some)."""

    name: str
    pending: int
    idle: int


class RedisHints:
    """Implements `ports.Hints`."""

    def __init__(
        self, client: RedisClient, keys: Keys, *, reader: ProcessId, dead_after: float = _DEAD
    ) -> None:
        self._client = client
        self._stream = keys.presence
        self._reader = reader
        self._dead_after = dead_after

    async def next(self) -> tuple[Hint, ...]:
        try:
            reply = await self._client.blocking(
                *("XREADGROUP", "GROUP", GROUP, self._reader, "COUNT", _BATCH),
                *("BLOCK", round(_WAIT * 1000), "STREAMS", self._stream, ">"),
                key=self._stream,
                timeout=_WAIT,
            )
        except ResponseError as error:
            await self._make_group(error)
            return ()
        return _hints(reply[0][1]) if reply else ()

    async def abandoned(self) -> tuple[Hint, ...]:
        try:
            reply = await self._command(
                *("XAUTOCLAIM", self._stream, GROUP, self._reader),
                *(_ABANDONED, "0-0", "COUNT", _BATCH),
            )
        except ResponseError as error:
            await self._make_group(error)
            return ()
        return _hints(reply[1])

    async def done(self, hints: Sequence[Hint]) -> None:
        """Deleted too: the stream holds nothing but what is to be done."""
        ids = [hint.id for hint in hints]
        if ids:
            await asyncio.gather(
                self._command("XACK", self._stream, GROUP, *ids),
                self._command("XDEL", self._stream, *ids),
            )

    async def retire(self) -> None:
        """A reader that still has hints stays, so that they are handed to another."""
        for reader in await self._readers():
            if reader.name == self._reader and reader.pending == 0:
                await self._forget(self._reader)

    async def forget_readers(self) -> int:
        dead = [
            reader.name
            for reader in await self._readers()
            if reader.pending == 0 and reader.idle > self._dead_after * 1000
        ]
        for name in dead:
            await self._forget(name)
        return len(dead)

    async def _readers(self) -> list[_Reader]:
        try:
            rows = await self._command("XINFO", "CONSUMERS", self._stream, GROUP)
        except ResponseError as error:
            await self._make_group(error)
            return []
        return [_reader(row) for row in rows]

    async def _forget(self, reader: str) -> None:
        await self._command("XGROUP", "DELCONSUMER", self._stream, GROUP, reader)

    async def _make_group(self, error: ResponseError) -> None:
        """For a first start, and for a Redis that lost its data. Raises `error` if it is other."""
        if not str(error).startswith(("NOGROUP", "ERR no such key")):
            raise error
        try:
            await self._command("XGROUP", "CREATE", self._stream, GROUP, "0", "MKSTREAM")
        except ResponseError as refusal:
            if not str(refusal).startswith("BUSYGROUP"):
                raise

    def _command(self, *args: str | int) -> Awaitable[Any]:
        return self._client.command(*args, key=self._stream)


def _hints(entries: Iterable[Any]) -> tuple[Hint, ...]:
    """Redis 6.2 gives nothing for an abandoned entry that was deleted."""
    return tuple(
        Hint(id_.decode(), UserId(fields[1].decode())) for id_, fields in filter(None, entries)
    )


def _reader(row: Sequence[Any]) -> _Reader:
    """Newer servers tell more."""
    fields = dict(zip(row[::2], row[1::2], strict=True))
    return _Reader(fields[b"name"].decode(), fields[b"pending"], fields[b"idle"])
