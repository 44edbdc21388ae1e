"""Threads of any checkpointer: copied up to a checkpoint, forgotten."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.base import BaseCheckpointSaver, CheckpointTuple
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command, interrupt

from parley_checkpoint import AsyncRedisCheckpointer
from parley_conversation.ports import Threads
from parley_conversation.threads import OwnThreads, SaverThreads, can_forget
from parley_core.domain.ids import SessionId
from parley_core.redis.client import RedisClient
from parley_core.redis.keys import Keys

Saver = BaseCheckpointSaver[Any]
Graph = CompiledStateGraph[Any, Any, Any, Any]
SOURCE, TARGET = SessionId("33a"), SessionId("33b")


class Counting(MessagesState):
    """`order` shows which node's write was applied first."""

    order: Annotated[list[str], lambda old, new: [*old, *new]]


def notes(name: str) -> Any:
    async def node(state: Counting) -> dict[str, Any]:
        return {"order": [name]}

    return node


async def asks(state: Counting) -> dict[str, Any]:
    return {"messages": [AIMessage(str(interrupt("sure?")))], "order": ["asks"]}


def graph_with(saver: Saver) -> Graph:
    """Two nodes side by side, a subgraph, and one that asks beside one that does not."""
    inner = StateGraph(Counting).add_node("inside", notes("inside"))
    inner.add_edge(START, "inside")
    graph = StateGraph(Counting)
    for name in ("b", "a", "beside"):
        graph.add_node(name, notes(name))
    graph.add_node("sub", inner.compile())
    graph.add_node("asks", asks)
    graph.add_edge(START, "b")
    graph.add_edge(START, "a")
    graph.add_edge(["a", "b"], "sub")
    graph.add_edge("sub", "beside")
    graph.add_edge("sub", "asks")
    graph.add_edge("asks", END)
    return graph.compile(checkpointer=saver)


@pytest.fixture(params=["memory", "redis", "our own way"])
def threads(request: pytest.FixtureRequest, redis_client: RedisClient, keys: Keys) -> Threads:
    """The way that works with every checkpointer, with two; and the one that ours has."""
    ours = AsyncRedisCheckpointer(redis_client, prefix=keys.prefix)
    if request.param == "our own way":
        return OwnThreads(ours)
    return SaverThreads(InMemorySaver() if request.param == "memory" else ours)


@pytest.fixture
def saver(threads: OwnThreads | SaverThreads) -> Saver:
    """What the threads are in."""
    return threads._saver


def at(thread: SessionId) -> Any:
    return {"configurable": {"thread_id": thread}}


async def asked(graph: Graph) -> None:
    await graph.ainvoke({"messages": [HumanMessage("go", id="m1")]}, at(SOURCE))


async def all_of(saver: Saver, thread: SessionId) -> list[CheckpointTuple]:
    return [each async for each in saver.alist(at(thread))]


def told(found: CheckpointTuple) -> tuple[Any, ...]:
    """Everything but the name of the thread."""
    parent = found.parent_config
    return (
        found.config["configurable"].get("checkpoint_ns", ""),
        found.checkpoint,
        found.metadata,
        parent and parent["configurable"]["checkpoint_id"],
        found.pending_writes,
    )


async def test_a_copy_has_every_checkpoint_with_its_writes(saver: Saver, threads: Threads) -> None:
    await asked(graph_with(saver))
    source = await all_of(saver, SOURCE)

    await threads.copy(SOURCE, TARGET, until=source[0].checkpoint["id"])

    copy = await all_of(saver, TARGET)
    assert len(copy) > 3
    assert {each.config["configurable"]["thread_id"] for each in copy} == {TARGET}
    assert [told(each) for each in copy] == [
        told(each) for each in source if each.checkpoint["id"] <= source[0].checkpoint["id"]
    ]


async def test_a_copy_goes_on_where_the_original_was(saver: Saver, threads: Threads) -> None:
    graph = graph_with(saver)
    await asked(graph)
    newest = (await graph.aget_state(at(SOURCE))).config["configurable"]["checkpoint_id"]
    await threads.copy(SOURCE, TARGET, until=newest)

    ends = [await graph.ainvoke(Command(resume="yes"), at(each)) for each in (SOURCE, TARGET)]

    assert ends[0]["order"] == ends[1]["order"]
    assert [each["messages"][-1].text for each in ends] == ["yes", "yes"]


async def test_later_checkpoints_stay_with_the_original(saver: Saver, threads: Threads) -> None:
    graph = graph_with(saver)
    await asked(graph)
    history = [each async for each in graph.aget_state_history(at(SOURCE))]
    earlier = history[2].config["configurable"]["checkpoint_id"]

    await threads.copy(SOURCE, TARGET, until=earlier)

    copied = [each async for each in graph.aget_state_history(at(TARGET))]
    assert [each.values for each in copied] == [each.values for each in history[2:]]


async def test_a_repeat_changes_nothing(saver: Saver, threads: Threads) -> None:
    await asked(graph_with(saver))
    newest = (await all_of(saver, SOURCE))[0].checkpoint["id"]
    await threads.copy(SOURCE, TARGET, until=newest)
    first = [told(each) for each in await all_of(saver, TARGET)]

    await threads.copy(SOURCE, TARGET, until=newest)

    assert [told(each) for each in await all_of(saver, TARGET)] == first


async def test_a_thread_is_forgotten_and_others_are_not(saver: Saver, threads: Threads) -> None:
    await asked(graph_with(saver))
    newest = (await all_of(saver, SOURCE))[0].checkpoint["id"]
    await threads.copy(SOURCE, TARGET, until=newest)

    await threads.forget(TARGET)
    await threads.forget(TARGET)

    assert await all_of(saver, TARGET) == []
    assert await all_of(saver, SOURCE) != []


async def test_a_checkpoint_that_is_not_there_is_not_in_the_copy(
    saver: Saver, threads: Threads
) -> None:
    await asked(graph_with(saver))
    gone = (await all_of(saver, SOURCE))[-1].checkpoint["id"][:-1] + "x"

    await threads.copy(SOURCE, TARGET, until=gone)

    assert gone not in {each.checkpoint["id"] for each in await all_of(saver, TARGET)}


class Unforgetting(InMemorySaver):
    """As those that were written before threads could be deleted."""

    adelete_thread = BaseCheckpointSaver.adelete_thread


async def test_a_checkpointer_that_cannot_forget_is_left_alone() -> None:
    saver = Unforgetting()
    await asked(graph_with(saver))

    await SaverThreads(saver).forget(SOURCE)

    assert (can_forget(saver), can_forget(InMemorySaver())) == (False, True)
    assert await all_of(saver, SOURCE) != []
