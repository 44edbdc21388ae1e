"""The saver that ours is compared with, on a Redis Stack of its own.

No file here is collected unless it is named: `make test-published` does that, and installs what the
rest of the tests does without.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from parley_local.redis_server import RedisServer
from parley_testing.savers.contenders import Saver, published
from parley_testing.savers.redis_stack import redis_stack


@pytest.fixture(scope="session")
def stack_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """One for the run."""
    server = redis_stack(tmp_path_factory.mktemp("redis-stack"))
    server.start()
    try:
        asyncio.run(server.wait_ready())
        yield server
    finally:
        server.stop()


@pytest_asyncio.fixture
async def saver_under_test(stack_server: RedisServer) -> AsyncIterator[Saver]:
    """The published saver on an empty server, where ours stands in the checkpointer's tests."""
    async with Redis.from_url(stack_server.url) as redis:
        await redis.flushall()
    async with published(stack_server).open() as saver:
        yield saver
