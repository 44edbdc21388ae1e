"""Claiming and running sessions, in the test's own process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from secrets import token_hex
from typing import Any
from urllib.parse import urlsplit

import pytest
from langchain_core.messages import AIMessage
from langgraph.graph import MessagesState, StateGraph

import parley_checkpoint
from parley_conversation import worker as worker_module
from parley_conversation.graph.agent import Agent
from parley_conversation.graph.default import default_graph
from parley_conversation.graph.model import OfflineResponder
from parley_conversation.leases import Leases, Lifeline
from parley_conversation.runner import Runner
from parley_conversation.saver import RunSaver, run_settings
from parley_conversation.worker import Worker
from parley_core.domain.events import ProcessInfo
from parley_core.domain.ids import ConnectionId, DeviceId, ProcessId, UserId
from parley_core.redis.client import RedisClient
from parley_core.redis.conversations import RedisConversations
from parley_core.redis.feed import RedisFeed
from parley_core.redis.keys import Keys
from parley_core.redis.processes import RedisProcesses
from parley_core.redis.scripts import every_script
from parley_core.redis.work import RedisWork
from parley_testing.redis_proxy import RedisProxy
from parley_testing.talk import Talk

Builder = StateGraph[Any, Any, Any, Any]
ME = ProcessId("worker/1")


def responder(pause: float = 0.0) -> Builder:
    return default_graph(OfflineResponder(pause=pause), clock=lambda: datetime.now(UTC))


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[RedisClient]:
    client = RedisClient(url, name="worker")
    await client.start()
    try:
        yield client
    finally:
        await client.aclose()


@asynccontextmanager
async def working(
    url: str,
    keys: Keys,
    store: RedisConversations,
    builder: Builder,
    *,
    room: int = 64,
    hears: bool = True,
) -> AsyncIterator[Worker]:
    """A worker that claims and runs; without `hears` it has no wake channel."""

    @asynccontextmanager
    async def lifeline() -> AsyncIterator[Lifeline]:
        async with connected(url) as client:
            work = RedisWork(client, keys, process=ME)
            yield Lifeline(work, RedisProcesses(client, keys))

    async with connected(url) as client:
        work = RedisWork(client, keys, process=ME)
        saver = RunSaver(client, prefix=keys.prefix, tag=lambda thread: thread[:2])
        agent = Agent(builder.compile(checkpointer=saver), lambda run: run_settings(run, keys))
        runner = Runner(work, agent, store, timeout=30, nonce=lambda: token_hex(8))
        info = ProcessInfo(kind="conversation", started=1.0)
        leases = Leases(lifeline, process=ME, info=lambda: info)
        worker = Worker(work, runner, leases, room=room, timeout=30, nonce=lambda: token_hex(8))
        feed = RedisFeed(client, name="worker")
        feed.listen(on_message=worker.wake, on_gap=worker.missed)
        await feed.start()
        if hears:
            await feed.subscribe(keys.wake)
        tasks = [asyncio.create_task(leases.keep()), asyncio.create_task(worker.sweep())]
        try:
            yield worker
        finally:
            await worker.drain(within=5)
            for task in reversed(tasks):
                task.cancel()
                await asyncio.wait([task])
            await feed.aclose()


async def opened(store: RedisConversations, talk: Talk) -> Talk:
    """Another session, of another user, that nobody listens to."""
    user = UserId(f"user-{token_hex(4)}")
    made = await store.open(
        user, device=DeviceId("d"), connection=ConnectionId(token_hex(4)), new=token_hex(8)
    )
    return Talk(store, made.session, user=user)


async def until(predicate: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not predicate():
            await asyncio.sleep(0.01)


async def test_the_wake_channel_brings_work_without_a_sweep(
    redis_url: str,
    keys: Keys,
    store: RedisConversations,
    talk: Talk,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(worker_module, "SWEEP_EACH", 60.0)

    async with working(redis_url, keys, store, responder()):
        await asyncio.wait_for(talk.answer("Hello!"), 10)
        await asyncio.wait_for(talk.answer("Hello!"), 10)


async def test_a_sweep_brings_work_without_the_wake_channel(
    redis_url: str, keys: Keys, store: RedisConversations, talk: Talk
) -> None:
    async with working(redis_url, keys, store, responder(), hears=False):
        await asyncio.wait_for(talk.answer("Hello!"), 10)


async def test_a_worker_takes_no_more_sessions_than_it_has_room_for(
    redis_url: str, keys: Keys, store: RedisConversations, talk: Talk
) -> None:
    talks = [talk, *[await opened(store, talk) for _ in range(9)]]
    gate, running, most = asyncio.Event(), 0, 0

    async def node(state: MessagesState) -> dict[str, Any]:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await gate.wait()
        running -= 1
        return {"messages": [AIMessage("done")]}

    builder = StateGraph(MessagesState)
    builder.add_node("node", node)
    builder.set_entry_point("node")
    for each in talks:
        await each.say("go")

    async with working(redis_url, keys, store, builder, room=3) as worker:
        await until(lambda: running == 3)
        await asyncio.sleep(1.2)  # longer than a sweep: no more may come
        held = worker.running
        gate.set()
        for each in talks:
            while len(await each.said()) < 2:
                await asyncio.sleep(0.02)

    assert held == most == 3


async def test_a_process_that_was_barred_waits(
    redis_url: str,
    keys: Keys,
    store: RedisConversations,
    talk: Talk,
    redis_client: RedisClient,
) -> None:
    await RedisProcesses(redis_client, keys).evict(ME, bar=2.5)

    async with working(redis_url, keys, store, responder()):
        turn = await talk.say("Hello!")
        await asyncio.sleep(1.2)  # longer than a sweep: it may not come yet
        early = await talk.said()
        await talk.answer_to(turn)

    assert early == ["Hello!"]


SCRIPTS = ["claim", "inbox", "begin", "delta", "commit", "checkpoint", "writes"]


@pytest.mark.parametrize("name", SCRIPTS)
async def test_a_call_whose_reply_is_lost_is_repeated_and_changes_nothing(
    redis_url: str, keys: Keys, store: RedisConversations, talk: Talk, name: str
) -> None:
    ran: list[int] = []

    async def node(state: MessagesState) -> dict[str, Any]:
        ran.append(1)
        await asyncio.sleep(0.1)
        return {}

    builder = responder(pause=0.02)
    builder.add_node("counted", node)
    builder.set_entry_point("counted")

    async with (
        RedisProxy(urlsplit(redis_url).port or 6379) as proxy,
        working(f"redis://127.0.0.1:{proxy.port}", keys, store, builder),
    ):
        await talk.answer("Hello!")
        proxy.cut_before_reply(lambda command: command[:2] == [b"EVALSHA", sha_of(name)])
        turn = await talk.say("my cat is Tom")
        # Sooner than by an expired lease.
        answer = await asyncio.wait_for(talk.answer_to(turn), 4)

        assert proxy.cut_replies.total() > 0
    assert (await talk.said())[2:] == ["my cat is Tom", answer]
    assert len(ran) == 2
    assert {frame.attempt for frame in talk.turns if frame.turn_id == turn} <= {0, 1}
    assert answer.startswith(talk.streamed(turn))


def sha_of(name: str) -> bytes:
    shas = {script.name: script.sha for script in every_script()}
    shas |= {script.name: script.sha for script in parley_checkpoint.every_script()}
    return shas[name].encode()
