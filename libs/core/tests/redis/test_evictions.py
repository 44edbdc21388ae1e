"""What becomes of the sessions that a process holds: `Processes.evict` beside `Work`."""

from __future__ import annotations

import asyncio

import pytest

from parley_core.domain.errors import Barred
from parley_core.domain.ids import PARTITIONS, Partition, ProcessId, SessionId
from parley_core.redis.client import RedisClient
from parley_core.redis.feed import RedisFeed
from parley_core.redis.keys import Keys
from parley_core.redis.processes import RedisProcesses
from parley_core.redis.work import RedisWork
from parley_testing.ageing import let_pass

OTHER, WORKER = ProcessId("w:1/y"), ProcessId("w:1/x")


@pytest.fixture
def processes(any_redis_client: RedisClient, keys: Keys) -> RedisProcesses:
    return RedisProcesses(any_redis_client, keys)


async def lease(client: RedisClient, keys: Keys, process: ProcessId, session: SessionId) -> None:
    """A session that has work, claimed."""
    partition = Partition(int(session[:2], 16))
    ready = keys.partition(partition).ready
    await client.command("ZADD", ready, 1, session, key=ready)
    work = RedisWork(client, keys, process=process)
    (claimed,) = await work.claim(room=1, partition=partition, nonce=f"n-{session}")
    assert claimed.session == session


async def test_all_that_an_evicted_process_holds_is_ready_again_at_once(
    processes: RedisProcesses, any_redis_client: RedisClient, keys: Keys
) -> None:
    for number in range(0, PARTITIONS, 3):
        await lease(any_redis_client, keys, WORKER, SessionId(f"{number:02x}abc"))

    evicted = await processes.evict(WORKER)

    assert evicted == 22
    other = RedisWork(any_redis_client, keys, process=OTHER)
    claimed = await other.claim(room=5, partition=3, nonce="n2")
    assert [each.session for each in claimed] == ["03abc"]


async def test_an_eviction_leaves_what_others_hold(
    processes: RedisProcesses, any_redis_client: RedisClient, keys: Keys
) -> None:
    await lease(any_redis_client, keys, ProcessId("w:1/x:w:1/x"), SessionId("03a"))
    await lease(any_redis_client, keys, WORKER, SessionId("03b"))

    evicted = await processes.evict(WORKER)

    shared = keys.partition(Partition(3))
    held = await any_redis_client.command("ZRANGE", shared.leased, 0, -1, key=shared.leased)
    assert (evicted, held) == (1, [b"03a"])


async def test_evicting_again_finds_nothing(
    processes: RedisProcesses, any_redis_client: RedisClient, keys: Keys
) -> None:
    await lease(any_redis_client, keys, WORKER, SessionId("03b"))

    evicted = [await processes.evict(WORKER), await processes.evict(WORKER)]

    assert evicted == [1, 0]


async def test_an_eviction_forgets_the_last_claim_and_keeps_what_expired(
    processes: RedisProcesses, any_redis_client: RedisClient, keys: Keys
) -> None:
    await lease(any_redis_client, keys, WORKER, SessionId("03b"))
    leases = keys.partition(Partition(3)).leases
    await any_redis_client.command("HSET", leases, "!03c", "1", key=leases)

    await processes.evict(WORKER)

    claim = keys.claim(WORKER, partition=Partition(3))
    assert await any_redis_client.command("HKEYS", leases, key=leases) == [b"!03c"]
    assert await any_redis_client.command("EXISTS", claim, key=claim) == 0


async def test_a_barred_process_may_not_claim_until_the_time_is_over(
    processes: RedisProcesses, any_redis_client: RedisClient, keys: Keys
) -> None:
    await lease(any_redis_client, keys, WORKER, SessionId("03b"))
    work = RedisWork(any_redis_client, keys, process=WORKER)

    await processes.evict(WORKER, bar=60)
    await processes.evict(WORKER, bar=30)

    await let_pass(58, client=any_redis_client, keys=keys)
    for partition in range(PARTITIONS):
        with pytest.raises(Barred):
            await work.claim(room=1, partition=partition, nonce="early")
    await let_pass(2, client=any_redis_client, keys=keys)
    (claimed,) = await work.claim(room=1, partition=3, nonce="late")
    assert claimed.session == "03b"


async def test_an_eviction_without_a_bar_leaves_the_process_free(
    processes: RedisProcesses, any_redis_client: RedisClient, keys: Keys
) -> None:
    await lease(any_redis_client, keys, WORKER, SessionId("03b"))
    work = RedisWork(any_redis_client, keys, process=WORKER)

    await processes.evict(WORKER)

    (claimed,) = await work.claim(room=1, partition=3, nonce="again")
    assert claimed.session == "03b"


async def test_workers_are_woken_for_what_an_eviction_made_ready(
    processes: RedisProcesses, any_redis_client: RedisClient, keys: Keys
) -> None:
    await lease(any_redis_client, keys, WORKER, SessionId("03b"))
    await lease(any_redis_client, keys, WORKER, SessionId("3fb"))
    heard: asyncio.Queue[bytes] = asyncio.Queue()
    feed = RedisFeed(any_redis_client, name="worker")
    feed.listen(on_message=lambda _, body: heard.put_nowait(body), on_gap=lambda _: None)
    await feed.start()
    await feed.subscribe(keys.wake)

    await processes.evict(WORKER)

    async with asyncio.timeout(5):
        woken = {await heard.get(), await heard.get()}
    await feed.aclose()
    assert woken == {b"3", b"63"}
