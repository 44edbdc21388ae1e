"""What a run does to checkpoints under a lease, and what LangGraph makes of a refusal."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pytest
from langgraph.graph import START, StateGraph

from parley_checkpoint import AsyncRedisCheckpointer, Fence, StaleToken
from parley_checkpoint.redis_py import Client
from parley_testing.step_graphs import Builder, Steps, chain, first, parallel, sequence, turn

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig


@pytest.fixture
async def fence(redis: Client, prefix: str) -> Fence:
    """A lease that is held."""
    fence = Fence(f"{prefix}:{{thread}}:leases", "thread", "1:worker:nonce")
    await redis.hset(fence.key, fence.field, fence.token)
    return fence


async def test_only_what_is_ours_to_know_gets_into_metadata(
    checkpointer: AsyncRedisCheckpointer, fence: Fence
) -> None:
    graph = chain(checkpointer, first)
    config = turn(**fence.configurable(), tenant="blue")

    await graph.ainvoke({"done": []}, config, durability="sync")

    found = [each async for each in checkpointer.alist(turn())]
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

    graph = chain(checkpointer, first, lose)

    with pytest.raises(StaleToken):
        await graph.ainvoke({"done": []}, turn(**fence.configurable()), durability="sync")

    state = await graph.aget_state(turn())
    assert state.values["done"] == ["first"]
    assert state.next == ("lose",)


async def test_a_subgraph_writes_under_the_fence_of_its_run(
    checkpointer: AsyncRedisCheckpointer, fence: Fence, redis: Client
) -> None:
    async def lose(_: Steps) -> Steps:
        await redis.hset(fence.key, fence.field, "2:other:nonce")
        return {"done": ["late"]}

    inner = sequence(Steps, first, lose).compile()
    graph: Builder = StateGraph(Steps)
    compiled = graph.add_node("sub", inner).add_edge(START, "sub").compile(checkpointer)

    with pytest.raises(StaleToken):
        await compiled.ainvoke({"done": []}, turn(**fence.configurable()), durability="sync")

    found = [each async for each in checkpointer.alist(turn())]
    of_inner = [each for each in found if each.config["configurable"]["checkpoint_ns"]]
    assert [each.checkpoint["channel_values"]["done"] for each in of_inner[:-1]] == [["first"], []]


async def test_an_update_of_the_state_is_fenced_too(
    checkpointer: AsyncRedisCheckpointer, fence: Fence, redis: Client
) -> None:
    graph = chain(checkpointer, first)
    config = turn(**fence.configurable())
    await graph.aupdate_state(config, {"done": ["held"]})
    await redis.hdel(fence.key, fence.field)

    with pytest.raises(StaleToken):
        await graph.aupdate_state(config, {"done": ["late"]})

    state = await graph.aget_state(turn())
    assert state.values["done"] == ["held"]


class Refusing(AsyncRedisCheckpointer):
    """Notes when it refuses, so that a test can tell when LangGraph notices."""

    refused: list[str]

    async def aput(self, config: RunnableConfig, *args: Any) -> RunnableConfig:
        try:
            return await super().aput(config, *args)
        except StaleToken:
            self.refused.append("put")
            raise

    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        try:
            await super().aput_writes(config, writes, task_id, task_path)
        except StaleToken:
            self.refused.append("writes")
            raise


@pytest.fixture
def refusing(redis: Client, prefix: str) -> Refusing:
    checkpointer = Refusing(redis, prefix=prefix)
    checkpointer.refused = []
    return checkpointer


async def test_a_put_refused_in_the_background_stops_no_node(
    refusing: Refusing, fence: Fence, redis: Client
) -> None:
    """So the conversation service ends a run itself at a refusal."""
    ran = []

    async def lose(_: Steps) -> Steps:
        await redis.hset(fence.key, fence.field, "2:other:nonce")
        return {"done": ["lost"]}

    async def after(_: Steps) -> Steps:
        for _turn in range(500):
            if "put" in refusing.refused:
                break
            await asyncio.sleep(0.01)
        await asyncio.sleep(0)
        ran.append("after its put was refused")
        return {"done": ["after"]}

    graph = chain(refusing, lose, after)
    with pytest.raises(StaleToken):
        await graph.ainvoke({"done": []}, turn(**fence.configurable()), durability="async")

    assert ran == ["after its put was refused"]


async def test_refused_writes_are_noticed_at_the_end_of_the_run(
    refusing: Refusing, fence: Fence, redis: Client
) -> None:
    """With one superstep left, nothing but the end tells."""
    ran = []

    async def lose(_: Steps) -> Steps:
        await redis.hset(fence.key, fence.field, "2:other:nonce")
        return {"done": ["lost"]}

    async def beside(_: Steps) -> Steps:
        for _turn in range(500):
            if refusing.refused:
                break
            await asyncio.sleep(0.01)
        ran.append(refusing.refused[:])
        return {"done": ["beside"]}

    graph = parallel(lose, beside).add_edge(START, "lose").add_edge(START, "beside")
    with pytest.raises(StaleToken):
        await graph.compile(refusing).ainvoke(
            {"done": []}, turn(**fence.configurable()), durability="sync"
        )

    assert ran == [["writes"]]
