"""Calls while a Cluster changes under them."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from hashlib import sha1
from typing import Any

import pytest

from parley_core.domain.errors import Unavailable
from parley_core.redis.client import RedisClient
from parley_core.redis.link import LIMITS, Limits
from parley_core.redis.scripts import Script
from parley_core.redis.wire import Argument, ask, parse_url
from parley_local.redis_server import RedisServer

NewServer = Callable[..., Awaitable[RedisServer]]
NewMigration = Callable[[str], Awaitable[Any]]


def _script(source: str) -> Script:
    return Script("test", source, sha1(source.encode(), usedforsecurity=False).hexdigest())


@asynccontextmanager
async def _started(url: str, *, limits: Limits = LIMITS) -> AsyncIterator[RedisClient]:
    client = RedisClient(url, name="test", limits=limits)
    await client.start()
    try:
        yield client
    finally:
        await client.aclose()


async def test_a_call_follows_its_slot_and_the_next_ones_go_there_at_once(
    cluster_client: RedisClient, migration: NewMigration, prefix: str
) -> None:
    key = f"{{{prefix}}}"
    moving = await migration(key)
    await cluster_client.command("INCR", key, key=key)
    await moving.begin()
    await moving.finish()
    before = cluster_client.nodes.home(key)

    count = await cluster_client.command("INCR", key, key=key)

    assert count == 2
    assert (before, cluster_client.nodes.home(key)) == (moving.source, moving.target)


async def test_calls_and_scripts_go_to_their_keys_node_without_a_detour(
    cluster_client: RedisClient, migration: NewMigration, prefix: str
) -> None:
    keys = [f"{prefix}:{{{partition:02x}}}" for partition in range(64)]
    nodes = await migration(prefix)
    before = await _redirections(nodes)

    for key in keys:
        await cluster_client.command("INCR", key, key=key)
        await cluster_client.script(_script("return redis.call('INCR', KEYS[1])"), [key], [])

    assert await _redirections(nodes) == before


async def _redirections(cluster: Any) -> list[bytes]:
    """How often each node sent MOVED."""
    stats = [await cluster.at(node, "INFO", "errorstats") for node in cluster.nodes]
    return [line for text in stats for line in text.splitlines() if b"MOVED" in line]


async def test_calls_turned_away_together_keep_their_order(
    cluster_client: RedisClient, migration: NewMigration, prefix: str
) -> None:
    key = f"{{{prefix}}}"
    moving = await migration(key)
    await moving.begin()
    await moving.finish()

    await asyncio.gather(*(cluster_client.command("RPUSH", key, n, key=key) for n in range(100)))

    expected = [b"%d" % n for n in range(100)]
    assert await cluster_client.command("LRANGE", key, 0, -1, key=key) == expected


async def test_a_key_that_is_already_at_the_target_is_asked_for_there(
    cluster_client: RedisClient, migration: NewMigration, prefix: str
) -> None:
    stays, goes = f"{{{prefix}}}:stays", f"{{{prefix}}}:goes"
    for key in (stays, goes):
        await cluster_client.command("SET", key, key, key=key)
    moving = await migration(stays)
    await moving.begin()
    await moving.carry(goes)

    values = await asyncio.gather(
        *(cluster_client.command("GET", key, key=key) for key in (stays, goes) * 20)
    )

    assert values == [stays.encode(), goes.encode()] * 20
    assert cluster_client.nodes.home(stays) == moving.source


async def test_a_script_is_asked_for_at_a_target_that_does_not_know_it(
    cluster_client: RedisClient, migration: NewMigration, prefix: str
) -> None:
    key = f"{{{prefix}}}"
    count = _script(f"return redis.call('INCR', KEYS[1]) -- {prefix}")
    await cluster_client.script(count, [key], [])
    moving = await migration(key)
    await moving.begin()
    await moving.carry(key)
    await moving.at(moving.target, "SCRIPT", "FLUSH")

    counts = await asyncio.gather(*(cluster_client.script(count, [key], []) for _ in range(10)))

    assert sorted(counts) == list(range(2, 12))


async def test_a_script_whose_keys_are_apart_waits_until_they_are_together(
    cluster_client: RedisClient, migration: NewMigration, prefix: str
) -> None:
    one, two = f"{{{prefix}}}:1", f"{{{prefix}}}:2"
    both = _script("return redis.call('INCR', KEYS[1]) + redis.call('INCR', KEYS[2])")
    assert await cluster_client.script(both, [one, two], []) == 2
    moving = await migration(one)
    await moving.begin()
    await moving.carry(one)

    call = asyncio.ensure_future(cluster_client.script(both, [one, two], []))
    await asyncio.sleep(0.1)
    was_done = call.done()
    await moving.finish()

    assert not was_done
    assert await call == 4


async def test_keys_that_stay_apart_are_unavailable_after_a_second(
    cluster_client: RedisClient, migration: NewMigration, prefix: str
) -> None:
    one, two = f"{{{prefix}}}:1", f"{{{prefix}}}:2"
    both = _script("return redis.call('INCR', KEYS[1]) + redis.call('INCR', KEYS[2])")
    await cluster_client.script(both, [one, two], [])
    moving = await migration(one)
    await moving.begin()
    await moving.carry(one)
    began = time.monotonic()

    with pytest.raises(Unavailable, match="TRYAGAIN"):
        await cluster_client.script(both, [one, two], [])

    assert 0.9 < time.monotonic() - began < 1.5


async def test_a_waiting_call_fails_when_the_client_is_closed(
    cluster_url: str, cluster_client: RedisClient, migration: NewMigration, prefix: str
) -> None:
    one, two = f"{{{prefix}}}:1", f"{{{prefix}}}:2"
    both = _script("return redis.call('INCR', KEYS[1]) + redis.call('INCR', KEYS[2])")
    await cluster_client.script(both, [one, two], [])
    moving = await migration(one)
    await moving.begin()
    await moving.carry(one)

    async with _started(cluster_url) as client:
        call = asyncio.ensure_future(client.script(both, [one, two], []))
        await asyncio.sleep(0.1)

    with pytest.raises(Unavailable):
        await call


async def test_a_blocking_call_learns_from_its_slots_move(
    cluster_client: RedisClient, migration: NewMigration, prefix: str
) -> None:
    key = f"{{{prefix}}}"
    moving = await migration(key)
    await moving.begin()
    await moving.finish()

    with pytest.raises(Unavailable, match="MOVED"):
        await cluster_client.blocking("BLPOP", key, 0.1, key=key, timeout=0.1)

    assert await cluster_client.blocking("BLPOP", key, 0.1, key=key, timeout=0.1) is None


async def test_every_call_is_executed_once_while_slots_move_under_load(
    cluster_client: RedisClient, migration: NewMigration, prefix: str, dice: random.Random
) -> None:
    keys = [f"{{{prefix}{n}}}:{half}" for n in range(4) for half in (1, 2)]
    pair = _script("redis.call('INCR', KEYS[1]) return redis.call('INCR', KEYS[2])")
    done = dict.fromkeys(keys[::2], 0)
    stop = asyncio.Event()

    async def load() -> None:
        while not stop.is_set():
            first = dice.choice(keys[::2])
            # Nothing is unavailable here: each pair of keys is apart for a moment only.
            await cluster_client.script(pair, [first, f"{first[:-1]}2"], [])
            done[first] += 1

    loads = [asyncio.create_task(load()) for _ in range(20)]
    for key in keys[::2]:
        moving = await migration(key)
        await moving.begin()
        await moving.carry(key)
        await asyncio.sleep(0.1)
        await moving.finish()
    stop.set()
    await asyncio.gather(*loads)

    counts = [int(await cluster_client.command("GET", key, key=key)) for key in keys]
    assert counts == [done[key] for key in keys[::2] for _ in (1, 2)]
    assert min(counts) > 20


@pytest.fixture
async def own_cluster(new_server: NewServer) -> list[RedisServer]:
    """Three primaries, and a replica of the first, that fail over fast."""
    options = ("--cluster-enabled", "yes", "--cluster-node-timeout", "1000")
    nodes = [await new_server(*options) for _ in range(4)]
    clients = [_Admin(node) for node in nodes]
    bounds = [0, 5461, 10923, 16384]
    for n, admin in enumerate(clients):
        if n < 3:
            await admin("CLUSTER", "ADDSLOTSRANGE", bounds[n], bounds[n + 1] - 1)
        await admin("CLUSTER", "SET-CONFIG-EPOCH", n + 1)
        await clients[0]("CLUSTER", "MEET", "127.0.0.1", nodes[n].port)
    for admin in clients:
        await admin.until(b"cluster_known_nodes:4")
        await admin.until(b"cluster_state:ok")
    await clients[3]("CLUSTER", "REPLICATE", (await clients[0]("CLUSTER", "MYID")).decode())
    await clients[3].until(b"master_link_status:up", "INFO", "replication")
    await clients[0].until(b"connected_slaves:1", "INFO", "replication")
    return nodes


class _Admin:
    """Commands to one node, whatever it has."""

    def __init__(self, node: RedisServer) -> None:
        self._address, self._access = parse_url(node.url, name="admin")

    async def __call__(self, *command: Argument) -> Any:
        (reply,) = await ask(self._address, self._access, command, within=5)
        return reply

    async def until(self, text: bytes, *command: Argument) -> None:
        async with asyncio.timeout(15):
            while text not in await self(*(command or ("CLUSTER", "INFO"))):
                pass


async def test_a_node_that_dies_costs_its_slots_alone_and_until_its_replica_takes_over(
    own_cluster: list[RedisServer], prefix: str
) -> None:
    seed = own_cluster[0]
    async with _started(seed.url, limits=Limits(answer=0.5)) as client:
        keys = {client.nodes.home(key).port: key for key in (f"{{{n}}}" for n in range(99))}
        lost = keys.pop(seed.port)
        await client.command("SET", lost, "kept", key=lost)
        assert await client.command("WAIT", 1, 5000, key=lost) == 1

        seed.kill(signal.SIGKILL)
        with pytest.raises(Unavailable):
            await client.command("GET", lost, key=lost)
        others = [await client.command("SET", key, 1, key=key) for key in keys.values()]

        assert others == [b"OK", b"OK"]
        assert not client.is_up
        assert await _repeated(client, lost) == b"kept"
        assert client.nodes.home(lost).port == own_cluster[3].port


async def _repeated(client: RedisClient, key: str) -> object:
    async with asyncio.timeout(15):
        while True:
            try:
                return await client.command("GET", key, key=key)
            except Unavailable as error:
                await asyncio.sleep(max(error.delay, 0.05))
