"""Ids grow over processes whose clocks differ."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.base import id as ids

from parley_checkpoint import AsyncRedisCheckpointer, RedisCheckpointer, clock, reading
from parley_testing.step_graphs import Steps, chain

HOUR = 60 * 60 * 10_000_000
"""In the ticks of a UUID, 100 ns each."""


async def _node(_: Steps) -> Steps:
    return {"done": ["node"]}


def _turn(run: str) -> Any:
    return {"configurable": {"thread_id": "thread"}, "metadata": {"run_id": run}}


@pytest.fixture(autouse=True)
def own_clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a test does to the clock of ids ends with it."""
    monkeypatch.setattr(ids, "_last_v6_timestamp", None)
    yield
    monkeypatch.undo()


@pytest.fixture
def from_ahead(monkeypatch: pytest.MonkeyPatch) -> str:
    """The id of a checkpoint that a machine makes whose clock is an hour ahead."""
    with monkeypatch.context() as ahead:
        later = time.time_ns() + 100 * HOUR
        ahead.setattr(time, "time_ns", lambda: later)
        made = str(ids.uuid6())
    ids._last_v6_timestamp = None
    return made


def test_langgraph_makes_ids_that_exceed_the_last_one() -> None:
    """If this fails, LangGraph has changed how it makes ids: `clock` must follow."""
    ahead = ids.uuid6().time + HOUR

    setattr(ids, clock._LAST, ahead)

    assert ids.uuid6().time == ahead + 1
    assert ids.uuid6().time == ahead + 2
    assert empty_checkpoint()["id"] > str(ids.UUID(int=ids.uuid6().int - (1 << 100)))


def test_a_clock_never_goes_back(from_ahead: str) -> None:
    old = str(ids.uuid6())

    clock.advance(from_ahead)
    clock.advance(old)
    clock.advance("no id of LangGraph")
    clock.advance("00000000-0000-4000-8000-000000000000")

    assert str(ids.uuid6()) > from_ahead


async def _answer_after(checkpointer: AsyncRedisCheckpointer, newest: str) -> list[str]:
    """A turn on a thread whose newest checkpoint is from ahead."""
    graph = chain(checkpointer, _node)
    checkpoint: Any = empty_checkpoint() | {"id": newest}
    await checkpointer.aput(_turn("before"), checkpoint, {"source": "loop", "step": 0}, {})
    ids._last_v6_timestamp = None

    await graph.ainvoke({"done": ["input"]}, _turn("turn"), durability="sync")

    state = await graph.aget_state(_turn("turn"))
    done: list[str] = state.values.get("done", [])
    return done


async def test_a_worker_whose_clock_is_behind_goes_on_from_the_newest(
    checkpointer: AsyncRedisCheckpointer, from_ahead: str
) -> None:
    assert await _answer_after(checkpointer, from_ahead) == ["input", "node"]


async def test_without_it_the_answer_is_written_before_the_newest_and_never_seen(
    checkpointer: AsyncRedisCheckpointer, from_ahead: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "advance", lambda _: None)

    assert await _answer_after(checkpointer, from_ahead) == []


def test_the_twin_goes_on_from_the_newest_too(
    sync_checkpointer: RedisCheckpointer, from_ahead: str
) -> None:
    checkpoint: Any = empty_checkpoint() | {"id": from_ahead}
    sync_checkpointer.put(_turn("before"), checkpoint, {}, {})
    ids._last_v6_timestamp = None

    sync_checkpointer.get_tuple(_turn("turn"))

    assert empty_checkpoint()["id"] > from_ahead
