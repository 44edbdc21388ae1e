"""What turns rely on: LangGraph's own behaviour on this checkpointer."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langgraph.graph import START, StateGraph, add_messages
from langgraph.types import Command, interrupt

from parley_checkpoint import AsyncRedisCheckpointer
from parley_checkpoint.redis_py import Client, RedisPyExecutor
from parley_testing.counting import Counting
from parley_testing.step_graphs import (
    Builder,
    Crash,
    Steps,
    chain,
    crash_once,
    first,
    parallel,
    sequence,
    turn,
)


class Chat(TypedDict):
    messages: Annotated[list[AnyMessage], add_messages]


async def test_the_same_run_resumes_in_the_middle_and_has_its_input_once(
    checkpointer: AsyncRedisCheckpointer,
) -> None:
    graph = chain(checkpointer, first, crash_once())
    with pytest.raises(Crash):
        await graph.ainvoke({"done": ["input"]}, turn(), durability="sync")

    updates = [
        part
        async for part in graph.astream(
            {"done": ["input"]}, turn(), stream_mode="updates", durability="sync"
        )
    ]

    assert [*updates[0]] == ["second"]
    assert len(updates) == 1
    state = await graph.aget_state(turn())
    assert state.values["done"] == ["input", "first", "second"]


async def test_another_run_applies_its_input(checkpointer: AsyncRedisCheckpointer) -> None:
    graph = chain(checkpointer, first)
    await graph.ainvoke({"done": ["one"]}, turn("1"), durability="sync")

    state = await graph.ainvoke({"done": ["two"]}, turn("2"), durability="sync")

    assert state["done"] == ["one", "first", "two", "first"]


async def test_a_run_that_has_finished_yields_nothing_again(
    checkpointer: AsyncRedisCheckpointer,
) -> None:
    graph = chain(checkpointer, first)
    await graph.ainvoke({"done": ["input"]}, turn(), durability="sync")

    again = [part async for part in graph.astream({"done": ["input"]}, turn())]

    state = await graph.aget_state(turn())
    assert again == []
    assert state.next == ()
    assert state.metadata is not None
    assert state.metadata["run_id"] == "turn"
    assert state.values["done"] == ["input", "first"]


async def test_text_of_finished_nodes_is_not_streamed_again(
    checkpointer: AsyncRedisCheckpointer,
) -> None:
    model = GenericFakeChatModel(messages=iter([AIMessage("said before"), AIMessage("said after")]))
    crashes = [Crash()]

    async def before(state: Chat) -> Chat:
        return {"messages": [await model.ainvoke(state["messages"])]}

    async def after(state: Chat) -> Chat:
        if crashes:
            raise crashes.pop()
        return {"messages": [await model.ainvoke(state["messages"])]}

    compiled = sequence(Chat, before, after).compile(checkpointer=checkpointer)
    question: Any = {"messages": [HumanMessage("hello", id="turn")]}

    async def stream() -> str:
        text = ""
        async for part, _ in compiled.astream(
            question, turn(), stream_mode="messages", durability="sync"
        ):
            text += part.text  # type: ignore[union-attr]
        return text

    with pytest.raises(Crash):
        await stream()
    assert await stream() == "said after"


async def test_finished_siblings_do_not_run_again(checkpointer: AsyncRedisCheckpointer) -> None:
    ran: list[str] = []
    crashes = [Crash()]
    sibling_done = asyncio.Event()

    async def sibling(_: Steps) -> Steps:
        ran.append("sibling")
        sibling_done.set()
        return {"done": ["sibling"]}

    async def crashing(_: Steps) -> Steps:
        await sibling_done.wait()
        # Its writes are on their way; a node that fails at once would overtake them.
        await asyncio.sleep(0.05)
        ran.append("crashing")
        if crashes:
            raise crashes.pop()
        return {"done": ["crashing"]}

    graph = parallel(sibling, crashing)
    graph.add_edge(START, "sibling").add_edge(START, "crashing")
    compiled = graph.compile(checkpointer=checkpointer)
    with pytest.raises(Crash):
        await compiled.ainvoke({"done": []}, turn(), durability="sync")

    state = await compiled.ainvoke({"done": []}, turn(), durability="sync")

    assert ran == ["sibling", "crashing", "crashing"]
    assert sorted(state["done"]) == ["crashing", "sibling"]


async def test_a_branch_leaves_the_values_of_the_other_alone(
    checkpointer: AsyncRedisCheckpointer,
) -> None:
    graph = chain(checkpointer, first)
    await graph.ainvoke({"done": ["one"]}, turn("1"), durability="sync")
    start = (await graph.aget_state(turn())).config
    main = await graph.aupdate_state(start, {"done": ["main"]})

    branch = await graph.aupdate_state(start, {"done": ["branch"]})

    assert (await graph.aget_state(main)).values["done"] == ["one", "first", "main"]
    assert (await graph.aget_state(branch)).values["done"] == ["one", "first", "branch"]


async def test_a_question_is_answered_over_another_checkpointer(
    checkpointer: AsyncRedisCheckpointer, redis: Client, prefix: str
) -> None:
    async def ask(_: Steps) -> Steps:
        return {"done": [interrupt("which?")]}

    asked = await chain(checkpointer, ask).ainvoke({"done": []}, turn(), durability="sync")
    (question,) = asked["__interrupt__"]

    other = chain(AsyncRedisCheckpointer(redis, prefix=prefix), ask)
    state = await other.ainvoke(Command(resume={question.id: "this"}), turn())

    assert state["done"] == ["this"]


async def test_a_subgraph_resumes_in_its_own_namespace(
    checkpointer: AsyncRedisCheckpointer,
) -> None:
    ran: list[str] = []
    crashes = [Crash()]

    async def inner_first(_: Steps) -> Steps:
        ran.append("inner first")
        return {"done": []}

    async def inner_second(_: Steps) -> Steps:
        ran.append("inner second")
        if crashes:
            raise crashes.pop()
        return {"done": ["inner"]}

    inner = sequence(Steps, inner_first, inner_second).compile()
    graph: Builder = StateGraph(Steps)
    graph.add_node("sub", inner).add_edge(START, "sub")
    compiled = graph.compile(checkpointer=checkpointer)
    with pytest.raises(Crash):
        await compiled.ainvoke({"done": []}, turn(), durability="sync")

    state = await compiled.ainvoke({"done": []}, turn(), durability="sync")

    assert ran == ["inner first", "inner second", "inner second"]
    assert state["done"] == ["inner"]


async def test_a_turn_of_four_nodes_takes_twelve_round_trips_at_most(
    redis: Client, prefix: str
) -> None:
    async def second(_: Steps) -> Steps:
        return {"done": []}

    async def third(_: Steps) -> Steps:
        return {"done": []}

    async def fourth(_: Steps) -> Steps:
        return {"done": []}

    executor = Counting(RedisPyExecutor(redis))
    checkpointer = AsyncRedisCheckpointer(executor, prefix=prefix)
    graph = chain(checkpointer, first, second, third, fourth)

    await graph.ainvoke({"done": ["input"]}, turn(), durability="sync")

    assert executor.calls <= 12
