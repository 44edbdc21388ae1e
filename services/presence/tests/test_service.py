"""The service as processes, on a real Redis, with real time and real signals."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from urllib.parse import urlsplit

import httpx
import pytest
import pytest_asyncio

from parley_core.domain import server_frames
from parley_core.domain.events import ProcessInfo
from parley_core.domain.ids import ConnectionId, DeviceId, ProcessId, UserId
from parley_core.domain.presence import BEAT
from parley_core.redis.client import RedisClient
from parley_core.redis.connections import RedisConnections
from parley_core.redis.feed import RedisFeed
from parley_core.redis.keys import Keys
from parley_core.redis.processes import RedisProcesses
from parley_testing.ports import free_port
from parley_testing.processes import ServiceProcess
from parley_testing.redis_proxy import RedisProxy

EDGE = ProcessId("edge-1/a")
PHONE = DeviceId("phone")
BACK_END = {"Authorization": "Bearer s3cret"}
SOON = 5.0
"""Seconds for what happens at once; machines under test may be slow."""

Start = Callable[..., ServiceProcess]


class Edge:
    """What an edge does as far as the presence service can see, and what it hears."""

    def __init__(self, client: RedisClient, keys: Keys) -> None:
        self.client = client
        self.keys = keys
        self.connections = RedisConnections(client, keys, process=EDGE)
        self.processes = RedisProcesses(client, keys)
        self.feed = RedisFeed(client, name="edge")
        self.heard: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        self.feed.listen(on_message=self._hear, on_gap=lambda _: None)

    def _hear(self, _: str, body: bytes) -> None:
        frame = server_frames.decode(body)
        assert isinstance(frame, server_frames.Presence)
        self.heard.put_nowait((frame.user_id, frame.state))

    async def hears(self, *expected: tuple[str, str], within: float = SOON) -> None:
        """These and no others, in any order."""
        async with asyncio.timeout(within):
            heard = [await self.heard.get() for _ in expected]
        assert sorted(heard) == sorted(expected)

    async def watch(self, *users: str) -> None:
        for user in users:
            await self.feed.subscribe(self.keys.watch(UserId(user)))

    async def beat(self) -> bool:
        return await self.processes.beat(EDGE, ProcessInfo(kind="edge", started=1.0))

    async def beat_on(self) -> None:
        while True:
            await self.beat()
            await asyncio.sleep(BEAT)

    async def enter(self, *users: str, tab: str = "1") -> None:
        for user in users:
            connection = ConnectionId(f"{user} {tab}")
            await self.connections.enter(UserId(user), device=PHONE, connection=connection)

    async def leave(self, user: str, tab: str = "1") -> None:
        await self.connections.leave(UserId(user), connection=ConnectionId(f"{user} {tab}"))


@pytest_asyncio.fixture
async def edge(redis_client: RedisClient, keys: Keys) -> AsyncIterator[Edge]:
    edge = Edge(redis_client, keys)
    await edge.feed.start()
    yield edge
    await edge.feed.aclose()


def names(prefix: str, count: int) -> list[str]:
    return [f"{prefix}-{number}" for number in range(count)]


async def test_of_two_replicas_one_is_killed_and_the_other_does_all_the_work(
    replica: Start, edge: Edge
) -> None:
    before, after = names("before", 40), names("after", 40)
    await edge.watch(*before, *after)
    async with replica("presence-1") as one, replica("presence-2"):
        await edge.enter(*before)
        await edge.hears(*((user, "online") for user in before))

        one.signal(signal.SIGKILL)
        await edge.enter(*after)

        await edge.hears(*((user, "online") for user in after))


async def test_hints_that_a_paused_replica_sits_on_are_followed_by_the_other(
    replica: Start, edge: Edge
) -> None:
    users = names("user", 20)
    await edge.watch(*users)
    async with replica("presence-1") as one, replica("presence-2"):
        one.signal(signal.SIGSTOP)

        await edge.enter(*users)

        await edge.hears(*((user, "online") for user in users))


async def test_users_of_an_edge_that_died_are_offline_within_fifteen_seconds(
    replica: Start, edge: Edge
) -> None:
    await edge.watch("ann")
    async with replica():
        await edge.beat()
        await edge.enter("ann")
        await edge.hears(("ann", "online"))

        await edge.hears(("ann", "offline"), within=15)
        assert await edge.beat()


async def test_a_reconnect_within_the_grace_time_is_nobodys_news(
    replica: Start, edge: Edge
) -> None:
    await edge.watch("ann", "bob")
    async with replica(), asyncio.TaskGroup() as tasks:
        beating = tasks.create_task(edge.beat_on())
        await edge.enter("ann", "bob")
        await edge.hears(("ann", "online"), ("bob", "online"))

        await edge.leave("ann")
        await edge.leave("bob")
        await asyncio.sleep(3)
        await edge.enter("ann", tab="2")

        # Bob stays away: when he is called offline, Ann's time is over too.
        await edge.hears(("bob", "offline"))
        await asyncio.sleep(1)
        assert edge.heard.empty()
        beating.cancel()


async def test_the_api_says_where_a_user_is_and_which_processes_live(
    replica: Start, edge: Edge
) -> None:
    port = free_port()
    async with (
        replica(HTTP_PORT=str(port)),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=BACK_END) as client,
    ):
        await edge.beat()
        await edge.enter("ann")

        presence = (await client.get("/v1/presence/ann")).json()
        processes = (await client.get("/v1/processes")).json()["processes"]

    assert (presence["state"], presence["devices"]) == ("online", ["phone"])
    assert [(each["kind"], each["server_id"]) for each in processes] == [
        ("edge", "edge-1"),
        ("presence", "presence-1"),
    ]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_replica_that_is_told_to_end_does_so_in_order(
    replica: Start, edge: Edge, number: signal.Signals
) -> None:
    await edge.watch("ann")
    async with replica() as one:
        await edge.enter("ann")
        await edge.hears(("ann", "online"))

        one.signal(number)

        assert await one.wait_exit(within=SOON) == 0
    key = edge.keys.presence
    assert await edge.processes.alive() == {}
    assert await edge.client.command("XINFO", "CONSUMERS", key, "presence", key=key) == []


async def test_while_redis_is_away_a_replica_stays_ready_and_then_goes_on(
    replica: Start, edge: Edge, redis_url: str
) -> None:
    await edge.watch("ann")
    port = free_port()
    async with RedisProxy(urlsplit(redis_url).port or 6379) as proxy:
        away = {"REDIS_URL": f"redis://127.0.0.1:{proxy.port}", "HTTP_PORT": str(port)}
        async with replica(**away) as one, httpx.AsyncClient(headers=BACK_END) as client:
            proxy.cut()
            await edge.enter("ann")
            await has_metric(client, one, "parley_redis_up 0.0")
            ready = await client.get(f"{one.admin_url}/readyz")
            reply = await client.get(f"http://127.0.0.1:{port}/v1/presence/ann")
            proxy.heal()

            await edge.hears(("ann", "online"))
            await has_metric(client, one, "parley_redis_up 1.0")
            assert (ready.status_code, reply.status_code) == (200, 503)
            one.signal(signal.SIGTERM)
            assert await one.wait_exit(within=SOON) == 0


async def has_metric(client: httpx.AsyncClient, process: ServiceProcess, line: str) -> None:
    async with asyncio.timeout(SOON):
        while line not in (await client.get(f"{process.admin_url}/metrics")).text.splitlines():
            await asyncio.sleep(0.1)


async def test_a_redis_that_lost_everything_is_taken_as_it_is(replica: Start, edge: Edge) -> None:
    await edge.watch("ann", "bob")
    async with replica():
        await edge.enter("ann")
        await edge.hears(("ann", "online"))

        keys = await edge.client.command("KEYS", f"{edge.keys.prefix}:*")
        await edge.client.command("DEL", *keys)
        await edge.enter("bob")

        await edge.hears(("bob", "online"), within=2 * SOON)
