"""Graphs for tests, with nodes that count their runs in Redis and wait for a test's word.

A process under test loads them by `PARLEY_GRAPH=<this file>:<name>`; `AGENTS_REDIS_URL` and
`AGENTS_PREFIX` say where they count.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from langchain_core.messages import AIMessage, HumanMessage
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import interrupt
from redis.asyncio import Redis

from parley_conversation.graph.default import default_graph
from parley_conversation.graph.model import OfflineResponder

Node = Callable[[MessagesState], Awaitable[dict[str, Any]]]
Builder = StateGraph[MessagesState, None, MessagesState, MessagesState]

BLOCKED = 12.0
"""Seconds: more than twice the life of a lease."""
PREFIX = os.environ.get("AGENTS_PREFIX", "agents")


def _redis() -> Redis:
    return Redis.from_url(os.environ["AGENTS_REDIS_URL"])


async def _count(node: str) -> None:
    async with _redis() as redis:
        await redis.incr(f"{PREFIX}:ran:{node}")


async def _gate() -> None:
    async with _redis() as redis:
        while not await redis.exists(f"{PREFIX}:gate"):
            await asyncio.sleep(0.02)


def _says(text: str) -> dict[str, Any]:
    return {"messages": [AIMessage(text)]}


async def first(state: MessagesState) -> dict[str, Any]:
    await _count("first")
    return _says("one")


async def second(state: MessagesState) -> dict[str, Any]:
    await _count("second")
    await _gate()
    return _says("two")


async def third(state: MessagesState) -> dict[str, Any]:
    await _count("third")
    return _says("three")


async def blocks(state: MessagesState) -> dict[str, Any]:
    await _count("blocks")
    time.sleep(BLOCKED)  # noqa: ASYNC251 (the fault under test)
    return _says("awake")


async def refuses_poison(state: MessagesState) -> dict[str, Any]:
    await _count("refuses_poison")
    if "poison" in str(state["messages"][-1].text):
        raise ValueError("poison")
    return _says("fine")


async def tells_what_it_heard(state: MessagesState) -> dict[str, Any]:
    people = [each for each in state["messages"] if isinstance(each, HumanMessage)]
    told = (f"{each.additional_kwargs.get('user_id')}: {each.text}" for each in people)
    return _says(" | ".join(told))


async def asks(state: MessagesState) -> dict[str, Any]:
    return _says(str(interrupt("sure?")))


def _chain(*nodes: Any) -> Builder:
    graph = StateGraph(MessagesState)
    names = [node.__name__ for node in nodes]
    for name, node in zip(names, nodes, strict=True):
        graph.add_node(name, node)
    for before, after in zip([START, *names], [*names, END], strict=True):
        graph.add_edge(before, after)
    return graph


three_steps = _chain(first, second, third)
blocking = _chain(blocks)
poisoned = _chain(refuses_poison)
asking = _chain(asks)
heard = _chain(tells_what_it_heard)
slow = default_graph(OfflineResponder(pause=0.3), clock=lambda: datetime.now(UTC))
