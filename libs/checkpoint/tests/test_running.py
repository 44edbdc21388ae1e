"""What turns rely on: LangGraph's own behaviour on this checkpointer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from operator import add
from typing import TYPE_CHECKING, Annotated, Any, TypedDict

import pytest
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langgraph.channels import DeltaChannel
from langgraph.graph import START, StateGraph, add_messages
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command, Send, interrupt

from parley_checkpoint import AsyncRedisCheckpointer, Executor, Fence, Retention, Script, StaleToken
from parley_checkpoint.ports import Argument
from parley_checkpoint.redis_py import Client, RedisPyExecutor

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig

Graph = CompiledStateGraph[Any, Any, Any, Any]
Builder = StateGraph[Any, Any, Any, Any]
Node = Callable[..., Awaitable[Any]]


class Chat(TypedDict):
    messages: Annotated[list[AnyMessage], add_messages]


class Steps(TypedDict):
    done: Annotated[list[str], add]


def _join(old: list[str], new: list[list[str]]) -> list[str]:
    return old + [text for texts in new for text in texts]


class Delta(TypedDict):
    done: Annotated[list[str], DeltaChannel(_join, snapshot_frequency=7)]


class Crash(Exception):
    """Ends a run in the middle."""


def _turn(run: str = "turn", **configurable: str) -> RunnableConfig:
    return {
        "configurable": {"thread_id": "thread", **configurable},
        "metadata": {"run_id": run},
    }


def _chain(checkpointer: AsyncRedisCheckpointer, *nodes: Node) -> Graph:
    return _sequence(Steps, *nodes).compile(checkpointer=checkpointer)


def _sequence(state: type[Any], *nodes: Node) -> Builder:
    graph: Builder = StateGraph(state)
    return graph.add_sequence(nodes).add_edge(START, nodes[0].__name__)


def _parallel(*nodes: Node) -> Builder:
    graph: Builder = StateGraph(Steps)
    for node in nodes:
        graph.add_node(node)
    return graph


def _crash_once() -> Node:
    crashes = [Crash()]

    async def second(_: Steps) -> Steps:
        if crashes:
            raise crashes.pop()
        return {"done": ["second"]}

    return second


async def _first(_: Steps) -> Steps:
    return {"done": ["first"]}


async def test_the_same_run_resumes_in_the_middle_and_has_its_input_once(
    checkpointer: AsyncRedisCheckpointer,
) -> None:
    graph = _chain(checkpointer, _first, _crash_once())
    with pytest.raises(Crash):
        await graph.ainvoke({"done": ["input"]}, _turn(), durability="sync")

    updates = [
        part
        async for part in graph.astream(
            {"done": ["input"]}, _turn(), stream_mode="updates", durability="sync"
        )
    ]

    assert [*updates[0]] == ["second"]
    assert len(updates) == 1
    state = await graph.aget_state(_turn())
    assert state.values["done"] == ["input", "first", "second"]


async def test_another_run_applies_its_input(checkpointer: AsyncRedisCheckpointer) -> None:
    graph = _chain(checkpointer, _first)
    await graph.ainvoke({"done": ["one"]}, _turn("1"), durability="sync")

    state = await graph.ainvoke({"done": ["two"]}, _turn("2"), durability="sync")

    assert state["done"] == ["one", "first", "two", "first"]


async def test_a_run_that_has_finished_yields_nothing_again(
    checkpointer: AsyncRedisCheckpointer,
) -> None:
    graph = _chain(checkpointer, _first)
    await graph.ainvoke({"done": ["input"]}, _turn(), durability="sync")

    again = [part async for part in graph.astream({"done": ["input"]}, _turn())]

    state = await graph.aget_state(_turn())
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

    compiled = _sequence(Chat, before, after).compile(checkpointer=checkpointer)
    question: Any = {"messages": [HumanMessage("hello", id="turn")]}

    async def stream() -> str:
        text = ""
        async for part, _ in compiled.astream(
            question, _turn(), stream_mode="messages", durability="sync"
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

    graph = _parallel(sibling, crashing)
    graph.add_edge(START, "sibling").add_edge(START, "crashing")
    compiled = graph.compile(checkpointer=checkpointer)
    with pytest.raises(Crash):
        await compiled.ainvoke({"done": []}, _turn(), durability="sync")

    state = await compiled.ainvoke({"done": []}, _turn(), durability="sync")

    assert ran == ["sibling", "crashing", "crashing"]
    assert sorted(state["done"]) == ["crashing", "sibling"]


async def test_writes_of_parallel_tasks_come_back_in_task_path_order(
    checkpointer: AsyncRedisCheckpointer,
) -> None:
    """Twelve tasks of one node, whose ids sort otherwise, finish in reverse."""
    count = 12
    turns = [asyncio.Event() for _ in range(count + 1)]
    turns[count].set()

    async def task(number: int) -> Steps:
        await turns[number + 1].wait()
        turns[number].set()
        return {"done": [str(number)]}

    async def fail(_: Steps) -> Steps:
        await turns[0].wait()
        await asyncio.sleep(0.05)
        raise Crash

    graph = _parallel(task, fail)
    sends = [Send("task", number) for number in range(count)]
    graph.add_conditional_edges(START, lambda _: [*sends, Send("fail", {})])
    compiled = graph.compile(checkpointer=checkpointer)
    with pytest.raises(Crash):
        await compiled.ainvoke({"done": []}, _turn(), durability="sync")

    found = await checkpointer.aget_tuple(_turn())

    assert found is not None
    written = [value for _, channel, value in found.pending_writes or () if channel == "done"]
    assert written == [[str(number)] for number in range(count)]


async def test_a_branch_leaves_the_values_of_the_other_alone(
    checkpointer: AsyncRedisCheckpointer,
) -> None:
    graph = _chain(checkpointer, _first)
    await graph.ainvoke({"done": ["one"]}, _turn("1"), durability="sync")
    start = (await graph.aget_state(_turn())).config
    main = await graph.aupdate_state(start, {"done": ["main"]})

    branch = await graph.aupdate_state(start, {"done": ["branch"]})

    assert (await graph.aget_state(main)).values["done"] == ["one", "first", "main"]
    assert (await graph.aget_state(branch)).values["done"] == ["one", "first", "branch"]


async def test_a_question_is_answered_over_another_checkpointer(
    checkpointer: AsyncRedisCheckpointer, redis: Client, prefix: str
) -> None:
    async def ask(_: Steps) -> Steps:
        return {"done": [interrupt("which?")]}

    asked = await _chain(checkpointer, ask).ainvoke({"done": []}, _turn(), durability="sync")
    (question,) = asked["__interrupt__"]

    other = _chain(AsyncRedisCheckpointer(redis, prefix=prefix), ask)
    state = await other.ainvoke(Command(resume={question.id: "this"}), _turn())

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

    inner = _sequence(Steps, inner_first, inner_second).compile()
    graph: Builder = StateGraph(Steps)
    graph.add_node("sub", inner).add_edge(START, "sub")
    compiled = graph.compile(checkpointer=checkpointer)
    with pytest.raises(Crash):
        await compiled.ainvoke({"done": []}, _turn(), durability="sync")

    state = await compiled.ainvoke({"done": []}, _turn(), durability="sync")

    assert ran == ["inner first", "inner second", "inner second"]
    assert state["done"] == ["inner"]


@pytest.fixture
async def fence(redis: Client, prefix: str) -> Fence:
    """A lease that is held."""
    fence = Fence(f"{prefix}:{{thread}}:leases", "thread", "1:worker:nonce")
    await redis.hset(fence.key, fence.field, fence.token)
    return fence


async def test_only_what_is_ours_to_know_gets_into_metadata(
    checkpointer: AsyncRedisCheckpointer, fence: Fence
) -> None:
    graph = _chain(checkpointer, _first)
    config = _turn(**fence.configurable(), tenant="blue")

    await graph.ainvoke({"done": []}, config, durability="sync")

    found = [each async for each in checkpointer.alist(_turn())]
    assert len(found) == 3
    for each in found:
        assert fence.token not in repr(each)
        assert each.metadata.items() >= {"run_id": "turn", "tenant": "blue"}.items()
        assert not [key for key in each.metadata if key.startswith("__")]


async def test_a_run_that_lost_its_lease_cannot_write_on(
    checkpointer: AsyncRedisCheckpointer, fence: Fence, redis: Client
) -> None:
    async def lose(_: Steps) -> Steps:
        await redis.hset(fence.key, fence.field, "2:other:nonce")
        return {"done": ["late"]}

    graph = _chain(checkpointer, _first, lose)

    with pytest.raises(StaleToken):
        await graph.ainvoke({"done": []}, _turn(**fence.configurable()), durability="sync")

    state = await graph.aget_state(_turn())
    assert state.values["done"] == ["first"]
    assert state.next == ("lose",)


async def test_a_subgraph_writes_under_the_fence_of_its_run(
    checkpointer: AsyncRedisCheckpointer, fence: Fence, redis: Client
) -> None:
    async def lose(_: Steps) -> Steps:
        await redis.hset(fence.key, fence.field, "2:other:nonce")
        return {"done": ["late"]}

    inner = _sequence(Steps, _first, lose).compile()
    graph: Builder = StateGraph(Steps)
    compiled = graph.add_node("sub", inner).add_edge(START, "sub").compile(checkpointer)

    with pytest.raises(StaleToken):
        await compiled.ainvoke({"done": []}, _turn(**fence.configurable()), durability="sync")

    found = [each async for each in checkpointer.alist(_turn())]
    of_inner = [each for each in found if each.config["configurable"]["checkpoint_ns"]]
    assert [each.checkpoint["channel_values"]["done"] for each in of_inner[:-1]] == [["first"], []]


async def test_an_update_of_the_state_is_fenced_too(
    checkpointer: AsyncRedisCheckpointer, fence: Fence, redis: Client
) -> None:
    graph = _chain(checkpointer, _first)
    config = _turn(**fence.configurable())
    await graph.aupdate_state(config, {"done": ["held"]})
    await redis.hdel(fence.key, fence.field)

    with pytest.raises(StaleToken):
        await graph.aupdate_state(config, {"done": ["late"]})

    state = await graph.aget_state(_turn())
    assert state.values["done"] == ["held"]


async def test_pruning_takes_nothing_from_delta_channels(redis: Client, prefix: str) -> None:
    async def echo(_: Delta) -> Delta:
        return {"done": ["echo"]}

    retention = Retention(max_checkpoints=2, interval=5)
    checkpointer = AsyncRedisCheckpointer(redis, prefix=prefix, retention=retention)
    compiled = _sequence(Delta, echo).compile(checkpointer=checkpointer)

    for number in range(10):
        state = await compiled.ainvoke({"done": [str(number)]}, _turn(str(number)))

    assert state["done"] == [text for number in range(10) for text in (str(number), "echo")]
    assert len([each async for each in checkpointer.alist(_turn())]) < 20


class _Counting:
    """Passes everything on and counts it."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self.calls = 0

    def command(self, *args: Argument, key: str | None = None) -> Awaitable[Any]:
        self.calls += 1
        return self._executor.command(*args, key=key)

    def script(
        self, script: Script, keys: Sequence[str], args: Sequence[Argument]
    ) -> Awaitable[Any]:
        self.calls += 1
        return self._executor.script(script, keys, args)


async def test_a_turn_of_four_nodes_takes_twelve_round_trips_at_most(
    redis: Client, prefix: str
) -> None:
    async def second(_: Steps) -> Steps:
        return {"done": []}

    async def third(_: Steps) -> Steps:
        return {"done": []}

    async def fourth(_: Steps) -> Steps:
        return {"done": []}

    executor = _Counting(RedisPyExecutor(redis))
    checkpointer = AsyncRedisCheckpointer(executor, prefix=prefix)
    graph = _chain(checkpointer, _first, second, third, fourth)

    await graph.ainvoke({"done": ["input"]}, _turn(), durability="sync")

    assert executor.calls <= 12
