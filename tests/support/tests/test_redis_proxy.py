"""Cut before its reply: the server has executed it, the client cannot know."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from parley_core.domain.errors import Unavailable
from parley_core.redis.client import RedisClient
from parley_core.redis.wire import parse_url
from parley_testing.redis_proxy import Command, RedisProxy


@pytest.fixture
async def proxy(redis_url: str) -> AsyncIterator[RedisProxy]:
    address, _ = parse_url(redis_url, name="test")
    async with RedisProxy(address.port, host=address.host) as proxy:
        yield proxy


@pytest.fixture
async def client(proxy: RedisProxy) -> AsyncIterator[RedisClient]:
    client = RedisClient(f"redis://127.0.0.1:{proxy.port}", name="test")
    await client.start()
    yield client
    await client.aclose()


async def test_the_command_is_executed_and_its_reply_never_comes(
    proxy: RedisProxy, client: RedisClient, prefix: str
) -> None:
    proxy.cut_before_reply(lambda command: command[0] == b"INCR")

    with pytest.raises(Unavailable):
        await client.command("INCR", prefix)

    assert await client.command("GET", prefix) == b"1"
    assert proxy.cut_replies == {"INCR": 1}


async def test_all_that_was_in_flight_is_executed_and_counted(
    proxy: RedisProxy, client: RedisClient, prefix: str
) -> None:
    def last(command: Command) -> bool:
        return command[0] == b"SET"

    proxy.cut_before_reply(last)

    results = await asyncio.gather(
        *(client.command("INCR", prefix) for _ in range(5_000)),
        client.command("SET", f"{prefix}:done", 1),
        return_exceptions=True,
    )

    lost = sum(isinstance(result, Unavailable) for result in results)
    assert lost == proxy.cut_replies.total() >= 1
    assert await client.command("GET", prefix) == b"5000"
    assert await client.command("GET", f"{prefix}:done") == b"1"


async def test_it_is_done_as_often_as_asked(
    proxy: RedisProxy, client: RedisClient, prefix: str
) -> None:
    proxy.cut_before_reply(lambda command: command[0] == b"INCR", times=3)

    results: list[object] = []
    for _ in range(5):
        results += await asyncio.gather(client.command("INCR", prefix), return_exceptions=True)

    assert [type(result) for result in results] == [Unavailable] * 3 + [int] * 2
    assert results[3:] == [4, 5]


async def test_scripts_are_counted_by_their_sha_however_they_were_sent(
    proxy: RedisProxy, client: RedisClient, prefix: str
) -> None:
    source = f"return redis.call('INCR', KEYS[1]) -- {prefix}"
    sha = (await client.command("SCRIPT", "LOAD", source)).decode()

    for verb, script in (("EVALSHA", sha), ("EVAL", source)):
        proxy.cut_before_reply(lambda command: command[0].startswith(b"EVAL"))
        with pytest.raises(Unavailable):
            await client.command(verb, script, 1, prefix)

    assert proxy.cut_replies[sha] == 2
    assert await client.command("GET", prefix) == b"2"
