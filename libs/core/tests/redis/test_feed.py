"""Subscriptions that outlive their connections, and what they tell about gaps."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from parley_core.domain.errors import Unavailable
from parley_core.redis.client import RedisClient
from parley_core.redis.feed import RedisFeed
from parley_core.redis.link import Limits
from parley_core.redis.wire import parse_url
from parley_local.redis_server import RedisServer
from parley_testing.redis_proxy import Command, RedisProxy

NewServer = Callable[..., Awaitable[RedisServer]]
NewMigration = Callable[[str], Awaitable[Any]]


class Listener:
    """A feed and what it was told."""

    def __init__(self, client: RedisClient) -> None:
        self.client = client
        self.messages: list[tuple[str, bytes]] = []
        self.gaps: list[frozenset[str]] = []
        self.news = asyncio.Event()
        self.feed = RedisFeed(client, name="test-feed")
        self.feed.listen(on_message=self._on_message, on_gap=self._on_gap)

    async def publish(self, channel: str, payload: str | bytes) -> None:
        sharded = "{" in channel
        verb = self.client.publish_verb if sharded else "PUBLISH"
        await self.client.command(verb, channel, payload, key=channel if sharded else None)

    async def until(self, condition: Callable[[], bool], *, within: float = 5.0) -> None:
        async with asyncio.timeout(within):
            while not condition():
                self.news.clear()
                await self.news.wait()

    def _on_message(self, channel: str, payload: bytes) -> None:
        self.messages.append((channel, payload))
        self.news.set()

    def _on_gap(self, channels: frozenset[str]) -> None:
        self.gaps.append(channels)
        self.news.set()


@asynccontextmanager
async def _listening(client: RedisClient) -> AsyncIterator[Listener]:
    listener = Listener(client)
    await listener.feed.start()
    try:
        yield listener
    finally:
        await listener.feed.aclose()


@pytest.fixture
async def anywhere(any_redis_client: RedisClient) -> AsyncIterator[Listener]:
    """On each flavour of server."""
    async with _listening(any_redis_client) as listener:
        yield listener


class Proxy(RedisProxy):
    """Also remembers the commands that passed."""

    def __init__(self, target: int, *, host: str) -> None:
        super().__init__(target, host=host)
        self.commands: list[Command] = []
        self.cut_before_reply(self._note)

    def _note(self, command: Command) -> bool:
        self.commands.append(command)
        return False

    def of(self, verb: bytes) -> list[Command]:
        return [command for command in self.commands if command[0] == verb]


@pytest.fixture
async def proxy(redis_url: str) -> AsyncIterator[Proxy]:
    address, _ = parse_url(redis_url, name="test")
    async with Proxy(address.port, host=address.host) as proxy:
        yield proxy


@pytest.fixture
async def behind(proxy: Proxy) -> AsyncIterator[Listener]:
    """Behind the proxy, commands and feed alike."""
    # Connecting may take its time on a busy machine; only silence is to be noticed soon.
    limits = Limits(answer=0.5, connect=3.0)
    client = RedisClient(f"redis://127.0.0.1:{proxy.port}", name="test", limits=limits)
    await client.start()
    async with _listening(client) as listener:
        yield listener
    await client.aclose()


def _channels(prefix: str, count: int = 64) -> list[str]:
    return [f"{prefix}:{{{n:02x}}}:to" for n in range(count)]


async def test_messages_arrive_in_order_from_every_partition(
    anywhere: Listener, prefix: str
) -> None:
    channels = [*_channels(prefix), f"{prefix}:wake"]
    await asyncio.gather(*map(anywhere.feed.subscribe, channels))

    for n in range(5):
        await asyncio.gather(*(anywhere.publish(channel, str(n)) for channel in channels))
    await anywhere.until(lambda: len(anywhere.messages) == 5 * len(channels))

    for channel in channels:
        heard = [payload for name, payload in anywhere.messages if name == channel]
        assert heard == [b"0", b"1", b"2", b"3", b"4"]
    assert not anywhere.gaps
    assert anywhere.feed.deaf_for() < 1


async def test_what_is_published_after_subscribe_returns_arrives(
    anywhere: Listener, prefix: str
) -> None:
    for channel in _channels(prefix, 20):
        await anywhere.feed.subscribe(channel)
        await anywhere.publish(channel, channel)

    await anywhere.until(lambda: len(anywhere.messages) == 20)


async def test_an_unsubscribed_channel_is_silent_at_once_and_can_come_back(
    anywhere: Listener, prefix: str
) -> None:
    left, kept = _channels(prefix, 2)
    await asyncio.gather(anywhere.feed.subscribe(left), anywhere.feed.subscribe(kept))

    await anywhere.publish(left, "not read yet")
    await anywhere.feed.unsubscribe(left)
    await anywhere.feed.unsubscribe(left)
    await anywhere.publish(left, "gone")
    await anywhere.publish(kept, "here")
    await anywhere.until(lambda: (kept, b"here") in anywhere.messages)
    await anywhere.feed.subscribe(left)
    await anywhere.publish(left, "back")
    await anywhere.until(lambda: (left, b"back") in anywhere.messages)

    assert (left, b"gone") not in anywhere.messages


async def test_a_channel_left_and_joined_in_one_tick_is_joined(
    anywhere: Listener, prefix: str
) -> None:
    (channel,) = _channels(prefix, 1)
    await anywhere.feed.subscribe(channel)

    for _ in range(3):
        await anywhere.feed.unsubscribe(channel)
        await anywhere.feed.subscribe(channel)
        await anywhere.publish(channel, "heard")

    await anywhere.until(lambda: anywhere.messages == [(channel, b"heard")] * 3)


async def test_two_who_want_a_channel_share_it(anywhere: Listener, prefix: str) -> None:
    (channel,) = _channels(prefix, 1)

    await asyncio.gather(*(anywhere.feed.subscribe(channel) for _ in range(5)))
    await anywhere.publish(channel, "once")
    await anywhere.publish(channel, "end")
    await anywhere.until(lambda: (channel, b"end") in anywhere.messages)

    assert anywhere.messages == [(channel, b"once"), (channel, b"end")]


async def test_a_storm_of_subscriptions_leaves_as_one_command(
    behind: Listener, proxy: Proxy, prefix: str
) -> None:
    first, *channels = _channels(prefix, 2_000)
    await behind.feed.subscribe(first)
    proxy.commands.clear()

    await asyncio.gather(*map(behind.feed.subscribe, channels))
    for channel in channels:
        await behind.feed.unsubscribe(channel)
    await behind.feed.subscribe("another")

    assert [len(command) for command in proxy.of(b"SUBSCRIBE")] == [2_000, 2]
    assert [len(command) for command in proxy.of(b"UNSUBSCRIBE")] == [2_000]


async def test_a_dead_connection_is_replaced_and_every_channel_gets_its_gap(
    behind: Listener, proxy: Proxy, prefix: str
) -> None:
    channels = _channels(prefix)
    await asyncio.gather(*map(behind.feed.subscribe, channels))

    proxy.drop_connections()
    await behind.until(lambda: bool(behind.gaps))
    await asyncio.gather(*(_repeated(behind, channel) for channel in channels))
    await behind.until(lambda: len({name for name, _ in behind.messages}) == 64)

    assert behind.gaps == [frozenset(channels)]
    assert behind.feed.deaf_for() < 1


async def _repeated(listener: Listener, channel: str) -> None:
    async with asyncio.timeout(5):
        while True:
            try:
                return await listener.publish(channel, "again")
            except Unavailable as error:
                await asyncio.sleep(error.delay)


async def test_the_gap_is_told_only_when_the_channels_are_heard_again(
    behind: Listener, proxy: Proxy, prefix: str
) -> None:
    channels = _channels(prefix, 3)
    await asyncio.gather(*map(behind.feed.subscribe, channels))

    proxy.cut()
    await asyncio.sleep(0.3)
    told, deaf = list(behind.gaps), behind.feed.deaf_for()
    proxy.heal()
    await behind.until(lambda: bool(behind.gaps))

    assert not told
    assert deaf >= 0.25
    assert behind.feed.deaf_for() < 1
    assert behind.gaps == [frozenset(channels)]


async def test_a_half_open_connection_is_noticed_and_replaced_within_5_s(
    behind: Listener, proxy: Proxy, prefix: str
) -> None:
    channels = _channels(prefix, 3)
    await asyncio.gather(*map(behind.feed.subscribe, channels))
    began = time.monotonic()

    # The old connection stays silent for ever; new ones work.
    for pipe in proxy.connections:
        pipe.is_deaf = True
    await behind.until(lambda: bool(behind.gaps), within=8)

    assert 2 < time.monotonic() - began < 5
    assert behind.gaps == [frozenset(channels)]


async def test_deafness_grows_while_nothing_answers_and_ends_with_it(
    behind: Listener, proxy: Proxy, prefix: str
) -> None:
    await behind.feed.subscribe(prefix)

    proxy.stall()
    await asyncio.sleep(5)
    deaf = behind.feed.deaf_for()
    proxy.heal()
    await behind.until(lambda: bool(behind.gaps))

    assert 3.9 < deaf < 5.1
    assert behind.feed.deaf_for() < 1


async def test_a_channel_that_was_left_meanwhile_gets_no_gap(
    behind: Listener, proxy: Proxy, prefix: str
) -> None:
    left, kept = _channels(prefix, 2)
    await asyncio.gather(behind.feed.subscribe(left), behind.feed.subscribe(kept))

    proxy.cut()
    await behind.feed.unsubscribe(left)
    await asyncio.sleep(0.1)
    proxy.heal()
    await behind.until(lambda: bool(behind.gaps))

    assert behind.gaps == [frozenset({kept})]


async def test_nobody_is_deaf_who_wants_nothing(behind: Listener, proxy: Proxy) -> None:
    await behind.feed.subscribe("one")
    await behind.feed.unsubscribe("one")

    proxy.cut()
    await asyncio.sleep(0.2)

    assert behind.feed.deaf_for() == 0.0


async def test_a_subscription_that_is_not_confirmed_is_unavailable_and_left(
    behind: Listener, proxy: Proxy, prefix: str
) -> None:
    proxy.cut()
    began = time.monotonic()

    with pytest.raises(Unavailable, match="did not confirm"):
        await behind.feed.subscribe(prefix)
    took = time.monotonic() - began
    proxy.heal()
    await behind.feed.subscribe("another")

    assert took < 5
    assert [command[1:] for command in proxy.of(b"SUBSCRIBE")] == [[b"another"]]


async def test_a_caller_that_goes_leaves_the_channel_that_nobody_else_wants(
    behind: Listener, proxy: Proxy, prefix: str
) -> None:
    proxy.delay(0.1)
    caller = asyncio.create_task(behind.feed.subscribe(prefix))
    await asyncio.sleep(0.05)

    caller.cancel()
    await asyncio.gather(caller, return_exceptions=True)
    await behind.feed.subscribe("another")
    await behind.publish(prefix, "unheard")
    await behind.publish("another", "heard")
    await behind.until(lambda: bool(behind.messages))

    assert behind.messages == [("another", b"heard")]


async def test_a_callback_that_fails_costs_its_channel_a_gap_and_no_other_anything(
    behind: Listener, prefix: str
) -> None:
    good, bad = _channels(prefix, 2)

    def on_message(channel: str, payload: bytes) -> None:
        if channel == bad:
            raise ZeroDivisionError
        behind._on_message(channel, payload)

    behind.feed.listen(on_message=on_message, on_gap=behind._on_gap)
    await asyncio.gather(behind.feed.subscribe(good), behind.feed.subscribe(bad))

    await behind.publish(bad, "x")
    await behind.publish(good, "y")
    await behind.until(lambda: bool(behind.messages) and bool(behind.gaps))

    assert behind.messages == [(good, b"y")]
    assert behind.gaps == [frozenset({bad})]


async def test_a_channel_left_before_its_gap_could_be_told_gets_none(
    behind: Listener, prefix: str
) -> None:
    good, bad = _channels(prefix, 2)
    leaving: list[asyncio.Task[None]] = []

    def on_message(channel: str, payload: bytes) -> None:
        leaving.append(asyncio.create_task(behind.feed.unsubscribe(channel)))
        raise ZeroDivisionError

    behind.feed.listen(on_message=on_message, on_gap=behind._on_gap)
    await asyncio.gather(behind.feed.subscribe(good), behind.feed.subscribe(bad))
    await behind.publish(bad, "x")
    async with asyncio.timeout(5):
        while not leaving:
            await asyncio.sleep(0)
    await asyncio.gather(*leaving)
    await asyncio.sleep(0)

    assert not behind.gaps


async def test_a_closed_feed_calls_nobody_back_and_leaves_the_server(
    behind: Listener, proxy: Proxy, prefix: str
) -> None:
    await behind.feed.subscribe(prefix)
    before = len(proxy.connections)

    await behind.feed.aclose()
    await behind.publish(prefix, "late")
    await asyncio.sleep(0.05)

    assert not behind.messages
    assert not behind.gaps
    assert len(proxy.connections) == before - 1


async def test_it_survives_restarts_and_freezes_of_the_server(
    new_server: NewServer, prefix: str
) -> None:
    server = await new_server()
    client = RedisClient(server.url, name="test", limits=Limits(answer=0.5))
    await client.start()
    async with _listening(client) as listener:
        await listener.feed.subscribe(prefix)

        server.stop()
        server.start()
        await listener.until(lambda: len(listener.gaps) == 1)
        server.kill(signal.SIGSTOP)
        await asyncio.sleep(4.2)
        server.kill(signal.SIGCONT)
        await listener.until(lambda: len(listener.gaps) == 2)
        await _repeated(listener, prefix)
        await listener.until(lambda: (prefix, b"again") in listener.messages)
    await client.aclose()


async def test_channels_follow_their_slot_and_get_a_gap(
    cluster_client: RedisClient, migration: NewMigration, prefix: str
) -> None:
    moves, stays = f"{{{prefix}}}:moves", f"{{{prefix}:other}}:stays"
    async with _listening(cluster_client) as listener:
        await asyncio.gather(listener.feed.subscribe(moves), listener.feed.subscribe(stays))
        moving = await migration(moves)

        await moving.begin()
        await moving.finish()
        await listener.until(lambda: bool(listener.gaps))
        await listener.publish(moves, "there")
        await listener.publish(stays, "here")
        await listener.until(lambda: len(listener.messages) == 2)

        assert listener.gaps == [frozenset({moves})]
        assert set(listener.messages) == {(moves, b"there"), (stays, b"here")}


async def test_a_new_channel_of_a_slot_that_moved_unnoticed_finds_its_node(
    cluster_client: RedisClient, migration: NewMigration, prefix: str
) -> None:
    channel = f"{{{prefix}}}"
    moving = await migration(channel)
    await moving.begin()
    await moving.finish()
    async with _listening(cluster_client) as listener:
        await listener.feed.subscribe(channel)

        await listener.publish(channel, "found")
        await listener.until(lambda: bool(listener.messages))

        assert listener.messages == [(channel, b"found")]
