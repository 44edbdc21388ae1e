"""The renewal thread, on a real Redis."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from secrets import token_hex
from time import monotonic

import pytest

from parley_conversation.leases import Leases, Lifeline
from parley_conversation.run import Run
from parley_core.domain.events import Lease, ProcessInfo
from parley_core.domain.ids import ProcessId
from parley_core.redis.client import RedisClient
from parley_core.redis.keys import Keys
from parley_core.redis.processes import RedisProcesses
from parley_core.redis.work import RedisWork
from parley_testing.desk import Desk
from parley_testing.talk import Talk

ME = ProcessId("desk/1")


@pytest.fixture
async def leases(redis_url: str, keys: Keys) -> AsyncIterator[Leases]:
    """A running renewal thread."""

    @asynccontextmanager
    async def connect() -> AsyncIterator[Lifeline]:
        client = RedisClient(redis_url, name="leases")
        await client.start()
        try:
            yield Lifeline(RedisWork(client, keys, process=ME), RedisProcesses(client, keys))
        finally:
            await client.aclose()

    info = ProcessInfo(kind="conversation", started=1.0)
    leases = Leases(connect, process=ME, info=lambda: info)
    task = asyncio.create_task(leases.keep())
    yield leases
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


@asynccontextmanager
async def held(
    leases: Leases, lease: Lease, *, until: float = 60.0
) -> AsyncIterator[tuple[Run, asyncio.Task[None]]]:
    """A run that hangs, with its lease in the thread's care."""
    run = Run(lease, until=monotonic() + until, clock=monotonic)
    task = asyncio.create_task(hang())
    run.belongs_to(task)
    leases.hold(run)
    try:
        yield run, task
    finally:
        leases.drop(run)
        task.cancel()
        await asyncio.wait([task])


async def hang() -> None:
    await asyncio.Event().wait()


async def test_a_lease_is_renewed_while_the_event_loop_is_blocked(
    leases: Leases, desk: Desk, talk: Talk
) -> None:
    await talk.say("Hello!")
    async with held(leases, await desk.claim()) as (run, _):
        before = await desk.expiry()

        time.sleep(4)  # noqa: ASYNC251 (the fault under test)

        # Two renewals fit in, one each 1.5 s; the last one's time depends on when the first was.
        assert await desk.expiry() > before + 2000
        assert not run.is_over


async def test_a_lease_that_is_anothers_now_ends_the_run(
    leases: Leases, desk: Desk, talk: Talk
) -> None:
    await talk.say("Hello!")
    async with held(leases, await desk.claim()) as (run, task):
        await desk.evict()

        async with asyncio.timeout(5):
            await asyncio.wait([task])

        assert run.lost


async def test_a_begin_under_way_is_not_taken_for_a_lost_lease(
    leases: Leases, desk: Desk, talk: Talk
) -> None:
    turn = await talk.say("Hello!")
    async with held(leases, await desk.claim()) as (run, task):
        with run.in_doubt():
            begun = await desk.work.begin(
                run.lease, turn=turn, base="", checkpoint="", nonce=token_hex(8)
            )
            await asyncio.wait([task], timeout=2)  # the reply is late: renewals are refused
            run.adopt(begun.token)
        before = await desk.expiry()
        await asyncio.wait([task], timeout=2)

        assert not run.is_over
        assert await desk.expiry() > before


async def test_a_turn_that_hangs_past_its_time_is_renewed_no_more(
    leases: Leases, desk: Desk, talk: Talk
) -> None:
    await talk.say("Hello!")
    async with held(leases, await desk.claim(), until=0.0) as (_, task):
        before = await desk.expiry()

        await asyncio.wait([task], timeout=2)

        assert await desk.expiry() == before


async def test_the_process_beats(leases: Leases, redis_client: RedisClient, keys: Keys) -> None:
    processes = RedisProcesses(redis_client, keys)

    async with asyncio.timeout(5):
        while ME not in await processes.alive():
            await asyncio.sleep(0.02)


async def test_what_the_thread_dies_of_is_raised(keys: Keys) -> None:
    @asynccontextmanager
    async def broken() -> AsyncIterator[Lifeline]:
        raise ValueError("no way")
        yield  # type: ignore[unreachable]

    leases = Leases(broken, process=ME, info=lambda: ProcessInfo(kind="x", started=1.0))

    with pytest.raises(ValueError, match="no way"):
        await leases.keep()
