"""A primary that moves, and those who say where to."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from redis.exceptions import ResponseError

from parley_core.domain.errors import PermanentError, Unavailable
from parley_core.redis.client import RedisClient
from parley_core.redis.feed import RedisFeed
from parley_core.redis.sentinel import Sentinels, parse_place
from parley_core.redis.wire import Address
from parley_local.mortality import end_with_parent
from parley_local.redis_server import RedisServer, find
from parley_testing.ports import free_port

from .conftest import NewServer

_FAILED_OVER_WITHIN = 30.0
_WATCH = """\
port {own}
bind 127.0.0.1
sentinel monitor main 127.0.0.1 {port} 1
sentinel down-after-milliseconds main 500
sentinel failover-timeout main 3000
"""


@dataclass
class Watched:
    """A primary, its replica and one Sentinel that watches both."""

    primary: RedisServer
    replica: RedisServer
    sentinel: int
    """Its port."""

    def url(self, *, before: str = "") -> str:
        return f"redis+sentinel://{before}127.0.0.1:{self.sentinel}/main"


@pytest.fixture
async def watched(new_server: NewServer, tmp_path: Path) -> AsyncIterator[Watched]:
    primary = await new_server()
    replica = await new_server("--replicaof", f"127.0.0.1 {primary.port}")
    rules = tmp_path / "sentinel.conf"
    port = free_port()
    rules.write_text(_WATCH.format(own=port, port=primary.port))
    with _sentinel(rules):
        async with asyncio.timeout(20):
            while not await _knows_its_replica(port):
                await asyncio.sleep(0.05)
        yield Watched(primary, replica, port)


@contextmanager
def _sentinel(rules: Path) -> Iterator[None]:
    process = subprocess.Popen(
        [find().path, rules, "--sentinel"],
        cwd=rules.parent,
        stdout=subprocess.DEVNULL,
        preexec_fn=end_with_parent,  # noqa: PLW1509  # one system call, no lock
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(10)


async def _knows_its_replica(sentinel: int) -> bool:
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", sentinel)
    except OSError:
        return False
    writer.write(b"INFO sentinel\r\n")
    told = await reader.readuntil(b"sentinels=1\r\n")
    writer.close()
    await writer.wait_closed()
    return b"slaves=1" in told


async def test_calls_go_to_the_primary_that_the_sentinels_name(watched: Watched) -> None:
    client = RedisClient(watched.url(), name="test")
    await client.start()

    assert client.nodes.home("any") == Address("127.0.0.1", watched.primary.port)
    assert await client.command("SET", "a", 1) == b"OK"
    await client.aclose()


async def test_a_dead_sentinel_is_passed_over(watched: Watched) -> None:
    client = RedisClient(watched.url(before=f"127.0.0.1:{free_port()},"), name="test")

    await client.start()

    assert await client.command("PING") == b"PONG"
    await client.aclose()


async def test_a_failover_is_followed_by_calls_and_subscriptions_alike(watched: Watched) -> None:
    client = RedisClient(watched.url(), name="test")
    await client.start()
    feed = RedisFeed(client, name="test-feed")
    heard: asyncio.Queue[bytes] = asyncio.Queue()
    regained = asyncio.Event()
    feed.listen(
        on_message=lambda _, payload: heard.put_nowait(payload), on_gap=lambda _: regained.set()
    )
    await feed.start()
    await feed.subscribe("news")

    watched.primary.kill()

    async with asyncio.timeout(_FAILED_OVER_WITHIN):
        while not await _takes_a_write(client):
            await asyncio.sleep(0.05)
        await regained.wait()
    await client.command("PUBLISH", "news", "of the new primary")
    async with asyncio.timeout(5):
        assert await heard.get() == b"of the new primary"
    assert client.nodes.home("any") == Address("127.0.0.1", watched.replica.port)
    await feed.aclose()
    await client.aclose()


async def _takes_a_write(client: RedisClient) -> bool:
    try:
        return bool(await client.command("SET", "a", 2))
    except (Unavailable, ResponseError):
        return False


async def test_a_name_that_no_sentinel_watches_is_told(watched: Watched) -> None:
    client = RedisClient(watched.url().replace("/main", "/other"), name="test")

    with pytest.raises(Unavailable, match="watches no other"):
        await client.start()


def test_a_url_has_the_logins_of_servers_and_of_sentinels_apart() -> None:
    place, access = parse_place(
        "redis+sentinel://ada:s%40fe@one,two:7,[::1]:8/main/3?sentinel_password=w%2Ftch", name="x"
    )

    assert isinstance(place, Sentinels)
    assert place.addresses == (Address("one", 26379), Address("two", 7), Address("::1", 8))
    assert place.name == "main"
    assert (access.username, access.password, access.db) == ("ada", "s@fe", 3)
    assert (place.access.username, place.access.password) == (None, "w/tch")


def test_tls_is_for_sentinels_and_servers_alike() -> None:
    place, access = parse_place("rediss+sentinel://one/main", name="x")

    assert isinstance(place, Sentinels)
    assert access.tls is not None
    assert place.access.tls is not None


@pytest.mark.parametrize("url", ["redis+sentinel://one", "redis+sentinel:///main"])
def test_a_url_without_hosts_or_without_a_name_is_told(url: str) -> None:
    with pytest.raises(PermanentError, match="has the form"):
        parse_place(url, name="x")
