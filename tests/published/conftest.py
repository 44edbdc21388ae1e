"""The saver that ours is compared with, on a Redis Stack of its own.

No file here is collected unless it is named: `make test-published` does that, and installs what the
rest of the tests does without.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from parley_local.redis_server import RedisServer
from parley_testing.savers.contenders import Saver, published
from parley_testing.savers.redis_stack import redis_stack

_shown = pytest.StashKey[dict[str, bool]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_shown] = {}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note which of the tests that must fail did, under one of their parameters at least."""
    report = yield
    if report.when == "call" and item.get_closest_marker("xfail") is not None:
        shown = item.config.stash[_shown]
        name = getattr(item, "originalname", item.name)
        shown[name] = shown.get(name, False) or report.skipped
    return report


@pytest.fixture
def shown(pytestconfig: pytest.Config) -> dict[str, bool]:
    """By test of a defect that has run: whether it failed."""
    return pytestconfig.stash[_shown]


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


@pytest_asyncio.fixture
async def keys_of(
    stack_server: RedisServer,
) -> AsyncIterator[Callable[[str], Awaitable[set[bytes]]]]:
    """All keys of a thread."""
    async with Redis.from_url(stack_server.url) as redis:

        async def found(thread: str) -> set[bytes]:
            return {key async for key in redis.scan_iter(match=f"*{thread}*", count=1000)}

        yield found
