"""Only the current token's writes take effect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from langgraph.checkpoint.base import empty_checkpoint

from parley_checkpoint import AsyncRedisCheckpointer, Fence, StaleToken

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from langchain_core.runnables import RunnableConfig

    from parley_checkpoint.redis_py import Client

SESSION = "3f-session"
TOKEN = "7:worker:nonce"


@pytest.fixture
def stale() -> list[Fence]:
    """The fences that were refused."""
    return []


@pytest.fixture
def checkpointer(redis: Client, prefix: str, stale: list[Fence]) -> AsyncRedisCheckpointer:
    return AsyncRedisCheckpointer(
        redis, prefix=prefix, tag=lambda thread: thread[:2], on_stale=stale.append
    )


@pytest.fixture
def fence(prefix: str) -> Fence:
    return Fence(f"{prefix}:{{3f}}:leases", SESSION, TOKEN)


@pytest.fixture
def config(fence: Fence) -> RunnableConfig:
    place = {"thread_id": SESSION, "checkpoint_ns": ""}
    return {"configurable": {**place, **fence.configurable()}, "metadata": {"run_id": "turn"}}


@pytest.fixture
async def leased(redis: Client, fence: Fence) -> None:
    await redis.hset(fence.key, fence.field, fence.token)


@pytest.fixture
def give_to_another(redis: Client, fence: Fence) -> Callable[[], Awaitable[int]]:
    """The lease goes to another worker."""
    return lambda: redis.hset(fence.key, fence.field, "8:other:nonce")


@pytest.mark.usefixtures("leased")
async def test_the_lease_holder_writes(
    checkpointer: AsyncRedisCheckpointer, config: RunnableConfig, stale: list[Fence]
) -> None:
    checkpoint = empty_checkpoint()
    place = await checkpointer.aput(config, checkpoint, {"step": 1}, {})
    held: RunnableConfig = {"configurable": config["configurable"] | place["configurable"]}

    await checkpointer.aput_writes(held, [("messages", "hello")], "task")

    found = await checkpointer.aget_tuple(config)
    assert found is not None
    assert found.checkpoint["id"] == checkpoint["id"]
    assert found.pending_writes == [("task", "messages", "hello")]
    assert stale == []


@pytest.mark.usefixtures("leased")
async def test_a_put_under_another_token_changes_nothing(
    *,
    checkpointer: AsyncRedisCheckpointer,
    config: RunnableConfig,
    give_to_another: Callable[[], Awaitable[int]],
    dump: Callable[[], Awaitable[dict[bytes, Any]]],
    stale: list[Fence],
) -> None:
    await checkpointer.aput(config, empty_checkpoint(), {"step": 1}, {})
    await give_to_another()
    before = await dump()

    with pytest.raises(StaleToken, match=SESSION):
        await checkpointer.aput(config, empty_checkpoint(), {"step": 2}, {})

    assert await dump() == before
    assert [fence.token for fence in stale] == [TOKEN]


@pytest.mark.usefixtures("leased")
async def test_writes_under_another_token_change_nothing(
    *,
    checkpointer: AsyncRedisCheckpointer,
    config: RunnableConfig,
    give_to_another: Callable[[], Awaitable[int]],
    dump: Callable[[], Awaitable[dict[bytes, Any]]],
    stale: list[Fence],
) -> None:
    place = await checkpointer.aput(config, empty_checkpoint(), {"step": 1}, {})
    held: RunnableConfig = {"configurable": config["configurable"] | place["configurable"]}
    await give_to_another()
    before = await dump()

    with pytest.raises(StaleToken, match=SESSION):
        await checkpointer.aput_writes(held, [("messages", "late")], "task")

    assert await dump() == before
    assert [fence.token for fence in stale] == [TOKEN]


async def test_a_lease_that_is_gone_is_no_lease(
    checkpointer: AsyncRedisCheckpointer,
    config: RunnableConfig,
    dump: Callable[[], Awaitable[dict[bytes, Any]]],
) -> None:
    with pytest.raises(StaleToken):
        await checkpointer.aput(config, empty_checkpoint(), {"step": 1}, {})

    assert await dump() == {}


async def test_a_half_given_fence_is_an_error_not_an_open_door(
    checkpointer: AsyncRedisCheckpointer, config: RunnableConfig
) -> None:
    del config["configurable"]["__lease_token"]

    with pytest.raises(ValueError, match="__lease_token"):
        await checkpointer.aput(config, empty_checkpoint(), {"step": 1}, {})


@pytest.mark.usefixtures("leased")
async def test_what_comes_back_carries_no_fence(
    checkpointer: AsyncRedisCheckpointer, config: RunnableConfig, fence: Fence
) -> None:
    put = await checkpointer.aput(config, empty_checkpoint(), {"step": 1}, {})

    found = await checkpointer.aget_tuple(
        {"configurable": config["configurable"] | put["configurable"]}
    )

    assert found is not None
    assert set(found.config["configurable"]) == {"thread_id", "checkpoint_ns", "checkpoint_id"}
    assert fence.token not in repr((put, found, fence))
