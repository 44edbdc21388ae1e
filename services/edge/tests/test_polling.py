"""Polls: what a stream brings, one reply at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from secrets import token_hex
from typing import Any

import pytest

from parley_core.domain.ids import UserId, partition_of
from parley_core.redis.client import RedisClient
from parley_core.redis.connections import RedisConnections
from parley_core.redis.keys import Keys
from parley_testing.stream_client import poll


@pytest.fixture
def prefix(shared_edge: Any) -> str:
    """All tests here have one edge, and users of their own."""
    return str(shared_edge.prefix)


@pytest.fixture
def user() -> str:
    return f"ann-{token_hex(4)}"


@pytest.fixture
def online(
    user: str, connections: RedisConnections, eventually: Any
) -> Callable[[int], Awaitable[None]]:
    """Waits until the user has so many connections."""

    async def wait(count: int) -> None:
        async def is_so() -> bool:
            (found,) = await connections.whereabouts([UserId(user)])
            return len(found.connections) == count

        await eventually(is_so)

    return wait


async def test_a_first_poll_says_where_the_session_is_at_once(shared_edge: Any, user: str) -> None:
    async with asyncio.timeout(3):
        first = await poll(shared_edge.port, user, wait=30)

    (system,) = first["events"]
    assert (system["type"], system["recovered"], first["closed"]) == ("system", False, None)
    assert first["last_event_id"].endswith("-0-")


async def test_a_poll_waits_for_the_first_event(
    shared_edge: Any, user: str, online: Any, agent: Any
) -> None:
    first = await poll(shared_edge.port, user)
    async with shared_edge.client() as client, asyncio.TaskGroup() as group:
        await client.auth(user, "desk", capabilities=["ack"])
        waiting = group.create_task(
            poll(shared_edge.port, user, last_id=first["last_event_id"], wait=30)
        )
        await online(2)
        await client.text("hello")
        async with asyncio.timeout(3):
            found = await waiting

    system, text = found["events"]
    assert (system["recovered"], text["content"]) == (True, "hello")


async def test_a_poll_that_nothing_came_for_ends_where_it_began(
    shared_edge: Any, user: str
) -> None:
    first = await poll(shared_edge.port, user)

    found = await poll(shared_edge.port, user, last_id=first["last_event_id"], wait=0.3)

    assert [frame["type"] for frame in found["events"]] == ["system"]
    assert found["last_event_id"] == first["last_event_id"]


async def test_polls_bring_everything_once_and_in_order(
    shared_edge: Any, user: str, agent: Any
) -> None:
    first = await poll(shared_edge.port, user)
    session, here = first["events"][0]["session_id"], first["last_event_id"]
    async with shared_edge.client() as client:
        await client.auth(user, "desk", capabilities=["ack"])
        for number in range(10):
            await client.text(f"text {number}")
            await client.receive("ack")
            await agent.answer(session, "y" * 60_000)
            await client.receive("text")

    seqs: list[int] = []
    replies = 0
    while len(seqs) < 20:
        found = await poll(shared_edge.port, user, last_id=here, wait=0)
        here, replies = found["last_event_id"], replies + 1
        assert found["events"][0]["recovered"] is True
        seqs += [frame["seq"] for frame in found["events"][1:]]

    assert seqs == list(range(1, 21))
    assert replies > 1


async def test_a_poller_leaves_no_connection_behind_and_is_online_for_its_next_poll(
    shared_edge: Any, user: str, online: Any, keys: Keys, redis_client: RedisClient
) -> None:
    first = await poll(shared_edge.port, user)
    await poll(shared_edge.port, user, last_id=first["last_event_id"], wait=0)

    await online(0)

    leaving = keys.partition(partition_of(user)).leaving
    assert await redis_client.command("ZSCORE", leaving, user, key=leaving) is not None


async def test_the_text_so_far_does_not_come_with_each_poll(
    shared_edge: Any, user: str, agent: Any
) -> None:
    async with shared_edge.client() as client:
        session = (await client.auth(user, "desk", capabilities=["ack"]))["session_id"]
        await client.text("hello")
        await client.receive("ack")
        first = await poll(shared_edge.port, user, capabilities="deltas")
        await agent.take(session)
        await agent.write("so far")

        found = await poll(
            shared_edge.port,
            user,
            last_id=first["last_event_id"],
            wait=0.2,
            capabilities="deltas",
        )

    assert [frame["type"] for frame in found["events"]] == ["system"]
    assert found["events"][0]["turn"]["status"] == "running"


async def test_a_poll_whose_client_is_gone_is_over(
    shared_edge: Any, user: str, online: Any
) -> None:
    first = await poll(shared_edge.port, user)
    waiting = asyncio.create_task(
        poll(shared_edge.port, user, last_id=first["last_event_id"], wait=60)
    )
    await online(1)

    waiting.cancel()

    await online(0)
