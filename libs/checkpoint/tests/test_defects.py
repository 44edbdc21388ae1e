"""Defects of the published Redis checkpointer, which this one must not have.

Each test is written against `saver_under_test`, any checkpointer, so that it can be run on both.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.channels import DeltaChannel
from langgraph.checkpoint.base import BaseCheckpointSaver, Checkpoint, empty_checkpoint
from langgraph.graph import START
from langgraph.types import Send

from parley_testing.step_graphs import Crash, Steps, chain, crash_once, first, parallel, sequence

Saver = BaseCheckpointSaver[Any]


@pytest.fixture
def thread() -> str:
    """A thread that no other test has, on a server that may be shared."""
    return f"thread-{secrets.token_hex(8)}"


def _turn(thread: str, run: str = "turn") -> RunnableConfig:
    place = {"thread_id": thread, "checkpoint_ns": ""}
    return {"configurable": place, "metadata": {"run_id": run}}


def _checkpoint(text: str) -> Checkpoint:
    checkpoint = empty_checkpoint()
    checkpoint["channel_values"] = {"messages": [text]}
    checkpoint["channel_versions"] = {"messages": "1"}
    return checkpoint


async def test_a_retry_under_the_same_run_id_has_its_input_once(
    saver_under_test: Saver, thread: str
) -> None:
    graph = chain(saver_under_test, first, crash_once())
    with pytest.raises(Crash):
        await graph.ainvoke({"done": ["input"]}, _turn(thread), durability="sync")

    await graph.ainvoke({"done": ["input"]}, _turn(thread), durability="sync")

    state = await graph.aget_state(_turn(thread))
    assert state.values["done"] == ["input", "first", "second"]


async def test_a_late_put_of_a_stalled_worker_does_not_become_the_newest(
    saver_under_test: Saver, thread: str
) -> None:
    late, newest = _checkpoint("late"), _checkpoint("newest")
    await saver_under_test.aput(_turn(thread), newest, {}, {"messages": "1"})

    await saver_under_test.aput(_turn(thread), late, {}, {"messages": "1"})

    found = await saver_under_test.aget_tuple(_turn(thread))
    assert found is not None
    assert found.checkpoint["id"] == newest["id"]


@pytest.mark.parametrize("ticks", [*range(12)])
async def test_a_put_that_was_cancelled_leaves_all_or_nothing(
    saver_under_test: Saver,
    keys_of: Callable[[str], Awaitable[set[bytes]]],
    thread: str,
    ticks: int,
) -> None:
    """Cancelled after each of the first ticks of the event loop; on a server at hand that is
    before, between and after its round trips."""
    checkpoint = _checkpoint("whole")
    put = asyncio.ensure_future(
        saver_under_test.aput(_turn(thread), checkpoint, {"step": 1}, {"messages": "1"})
    )
    for _ in range(ticks):
        await asyncio.sleep(0)

    put.cancel()
    await asyncio.gather(put, return_exceptions=True)

    found = await saver_under_test.aget_tuple(_turn(thread))
    if found is None:
        assert await keys_of(thread) == set()
    else:
        assert found.checkpoint["channel_values"] == {"messages": ["whole"]}


async def test_writes_of_parallel_tasks_come_back_in_task_path_order(
    saver_under_test: Saver, thread: str
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

    graph = parallel(task, fail)
    sends = [Send("task", number) for number in range(count)]
    graph.add_conditional_edges(START, lambda _: [*sends, Send("fail", {})])
    compiled = graph.compile(checkpointer=saver_under_test)
    with pytest.raises(Crash):
        await compiled.ainvoke({"done": []}, _turn(thread), durability="sync")

    found = await saver_under_test.aget_tuple(_turn(thread))

    assert found is not None
    written = [value for _, channel, value in found.pending_writes or () if channel == "done"]
    assert written == [[str(number)] for number in range(count)]


def _join(old: list[str], new: list[list[str]]) -> list[str]:
    return old + [text for texts in new for text in texts]


class Delta(TypedDict):
    done: Annotated[list[str], DeltaChannel(_join, snapshot_frequency=50)]


async def test_pruning_takes_nothing_from_delta_channels(
    saver_under_test: Saver, thread: str
) -> None:
    async def echo(_: Delta) -> Delta:
        return {"done": ["echo"]}

    graph = sequence(Delta, echo).compile(checkpointer=saver_under_test)
    for number in range(5):
        turn = _turn(thread, str(number))
        state = await graph.ainvoke({"done": [str(number)]}, turn, durability="sync")

    await saver_under_test.aprune([thread])

    kept = await graph.aget_state(_turn(thread))
    assert kept.values["done"] == state["done"]
    assert len(state["done"]) == 10
