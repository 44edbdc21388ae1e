"""A checkpointer on each kind of server, and what Redis holds beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest
from langgraph.checkpoint.base import BaseCheckpointSaver

from parley_checkpoint import AsyncRedisCheckpointer, RedisCheckpointer
from parley_checkpoint.redis_py import Client, connect
from parley_checkpoint.redis_py_sync import Client as SyncClient
from parley_checkpoint.redis_py_sync import connect as sync_connect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

Dump = dict[bytes, object]


@pytest.fixture
async def redis(any_redis_url: str) -> AsyncIterator[Client]:
    """A client of the server, or of its Cluster."""
    client = await connect(any_redis_url)
    yield client
    await client.aclose()


@pytest.fixture
def checkpointer(redis: Client, prefix: str) -> AsyncRedisCheckpointer:
    """One that keeps everything."""
    return AsyncRedisCheckpointer(redis, prefix=prefix)


@pytest.fixture
def sync_redis(any_redis_url: str) -> Iterator[SyncClient]:
    """A client without asyncio."""
    client = sync_connect(any_redis_url)
    yield client
    client.close()


@pytest.fixture
def sync_checkpointer(sync_redis: SyncClient, prefix: str) -> RedisCheckpointer:
    """The twin of `checkpointer`, over the same keys."""
    return RedisCheckpointer(sync_redis, prefix=prefix)


@pytest.fixture
def saver_under_test(checkpointer: AsyncRedisCheckpointer) -> BaseCheckpointSaver[Any]:
    """The checkpointer that `test_defects` looks at."""
    return checkpointer


@pytest.fixture
def keys_of(redis: Client) -> Callable[[str], Awaitable[set[bytes]]]:
    """All keys that name a thread."""

    async def find(thread: str) -> set[bytes]:
        return {key async for key in redis.scan_iter(match=f"*{thread}*", count=1000)}

    return find


@pytest.fixture
def dump(redis: Client, prefix: str) -> Callable[[], Awaitable[Dump]]:
    """Every key under the test's prefix with all that it holds."""

    async def read() -> Dump:
        return {
            key: await _content(redis, key)
            async for key in redis.scan_iter(match=f"{prefix}:*", count=1000)
        }

    return read


async def _content(redis: Client, key: bytes) -> object:
    if await redis.type(key) == b"zset":
        return cast("object", await redis.zrange(key, 0, -1, withscores=True))
    return cast("object", await redis.hgetall(key))
