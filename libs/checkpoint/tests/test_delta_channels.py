"""Channels whose values are made of their ancestors' writes."""

from __future__ import annotations

from typing import Annotated, Any, TypedDict

import pytest
from langgraph.channels import DeltaChannel
from langgraph.checkpoint.base import BaseCheckpointSaver

from parley_checkpoint import AsyncRedisCheckpointer, RedisCheckpointer, Retention
from parley_checkpoint.redis_py import Client, RedisPyExecutor
from parley_testing.counting import Counting
from parley_testing.step_graphs import sequence


def _join(old: list[str], new: list[list[str]]) -> list[str]:
    return old + [text for texts in new for text in texts]


class Delta(TypedDict):
    done: Annotated[list[str], DeltaChannel(_join, snapshot_frequency=7)]
    seen: Annotated[list[str], DeltaChannel(_join, snapshot_frequency=4)]


async def _echo(_: Delta) -> Delta:
    return {"done": ["echo"], "seen": ["echo"]}


def _turn(run: str = "turn", **configurable: str) -> Any:
    place = {"thread_id": "thread", "checkpoint_ns": "", **configurable}
    return {"configurable": place, "metadata": {"run_id": run}}


def _graph(checkpointer: BaseCheckpointSaver[Any]) -> Any:
    return sequence(Delta, _echo).compile(checkpointer=checkpointer)


async def _run(checkpointer: BaseCheckpointSaver[Any], turns: int) -> list[str]:
    graph = _graph(checkpointer)
    for number in range(turns):
        given = {"done": [str(number)], "seen": []}
        state = await graph.ainvoke(given, _turn(str(number)), durability="sync")
    done: list[str] = state["done"]
    return done


def _expected(turns: int) -> list[str]:
    return [text for number in range(turns) for text in (str(number), "echo")]


async def test_a_history_is_what_the_reference_finds_in_one_round_trip(
    redis: Client, prefix: str
) -> None:
    executor = Counting(RedisPyExecutor(redis))
    checkpointer = AsyncRedisCheckpointer(executor, prefix=prefix)
    await _run(checkpointer, 8)
    places = [each.config async for each in checkpointer.alist(_turn())]

    for place in places:
        reference = BaseCheckpointSaver.aget_delta_channel_history
        expected = await reference(checkpointer, config=place, channels=["done", "seen", "other"])
        before = executor.calls
        found = await checkpointer.aget_delta_channel_history(
            config=place, channels=["done", "seen", "other"]
        )
        assert executor.calls == before + 1
        assert found == expected
    assert any("seed" in expected["done"] for expected in [found, await _newest(checkpointer)])


async def _newest(checkpointer: AsyncRedisCheckpointer) -> Any:
    return await checkpointer.aget_delta_channel_history(config=_turn(), channels=["done"])


async def test_the_history_of_nothing_is_nothing(
    checkpointer: AsyncRedisCheckpointer, sync_checkpointer: RedisCheckpointer
) -> None:
    nowhere: Any = {"done": {"writes": []}}

    assert await checkpointer.aget_delta_channel_history(config=_turn(), channels=[]) == {}
    assert await _newest(checkpointer) == nowhere
    assert sync_checkpointer.get_delta_channel_history(config=_turn(), channels=["done"]) == nowhere


async def test_the_twin_finds_the_same_history(
    checkpointer: AsyncRedisCheckpointer, sync_checkpointer: RedisCheckpointer
) -> None:
    await _run(checkpointer, 5)

    found = sync_checkpointer.get_delta_channel_history(config=_turn(), channels=["done"])

    assert found == await _newest(checkpointer)


@pytest.fixture(
    params=[{"max_checkpoints": 2, "interval": 5}, {"interval": 3}, {"ttl_minutes": 1e-4}]
)
def pruning(redis: Client, prefix: str, request: Any) -> AsyncRedisCheckpointer:
    """One that prunes with almost every put, by each of the limits."""
    return AsyncRedisCheckpointer(redis, prefix=prefix, retention=Retention(**request.param))


async def test_limits_take_nothing_from_delta_channels(pruning: AsyncRedisCheckpointer) -> None:
    assert await _run(pruning, 10) == _expected(10)

    kept = [each async for each in pruning.alist(_turn())]
    assert len(kept) < 25


async def test_pruning_by_hand_takes_nothing_from_delta_channels(
    checkpointer: AsyncRedisCheckpointer,
) -> None:
    await _run(checkpointer, 10)
    before = len([each async for each in checkpointer.alist(_turn())])

    await checkpointer.aprune(["thread"])

    after = len([each async for each in checkpointer.alist(_turn())])
    state = await _graph(checkpointer).aget_state(_turn())
    assert state.values["done"] == _expected(10)
    assert 1 < after < before


async def test_a_fork_has_what_its_delta_channels_are_made_of(
    checkpointer: AsyncRedisCheckpointer,
) -> None:
    graph = _graph(checkpointer)
    await _run(checkpointer, 6)
    at = (await graph.aget_state(_turn())).config["configurable"]["checkpoint_id"]
    await _run(checkpointer, 2)

    await checkpointer.acopy_thread("thread", "fork", until=at)

    state = await graph.aget_state({"configurable": {"thread_id": "fork"}})
    assert state.values["done"] == _expected(6)
