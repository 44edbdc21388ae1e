"""Listing, deleting, and looking through all threads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from langgraph.checkpoint.base import CheckpointTuple, empty_checkpoint

from parley_checkpoint import AsyncRedisCheckpointer, Executor
from parley_checkpoint.redis_py import Client, RedisPyExecutor

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from langchain_core.runnables import RunnableConfig

COUNT = 40


def _config(thread: str, **place: str) -> RunnableConfig:
    return {"configurable": {"thread_id": thread, **place}}


async def _fill(checkpointer: AsyncRedisCheckpointer, thread: str, *, namespace: str = "") -> None:
    for number in range(COUNT):
        checkpoint = {**empty_checkpoint(), "id": f"{number:04}"}
        config = _config(thread, checkpoint_ns=namespace)
        metadata = {"source": "loop" if number % 4 else "input", "step": number}
        await checkpointer.aput(config, checkpoint, metadata, {})  # type: ignore[arg-type]


async def _ids(found: AsyncIterator[CheckpointTuple]) -> list[str]:
    return [each.checkpoint["id"] async for each in found]


async def test_the_newest_come_first_over_many_pages(
    checkpointer: AsyncRedisCheckpointer,
) -> None:
    await _fill(checkpointer, "thread")

    ids = await _ids(checkpointer.alist(_config("thread")))

    assert ids == [f"{number:04}" for number in reversed(range(COUNT))]


async def test_a_filter_counts_before_the_limit(checkpointer: AsyncRedisCheckpointer) -> None:
    await _fill(checkpointer, "thread")

    ids = await _ids(
        checkpointer.alist(
            _config("thread"),
            filter={"source": "input"},
            before=_config("thread", checkpoint_id="0036"),
            limit=5,
        )
    )

    assert ids == ["0032", "0028", "0024", "0020", "0016"]


async def test_without_a_namespace_all_are_listed(checkpointer: AsyncRedisCheckpointer) -> None:
    await _fill(checkpointer, "thread")
    await _fill(checkpointer, "thread", namespace="child:1")

    everywhere = await _ids(checkpointer.alist(_config("thread")))
    child = await _ids(checkpointer.alist(_config("thread", checkpoint_ns="child:1")))

    assert len(everywhere) == 2 * COUNT
    assert len(child) == COUNT


async def test_without_a_config_all_threads_of_the_prefix_are_listed(
    redis: Client, prefix: str
) -> None:
    threads = ("one", "a:b", "three*")
    checkpointer = AsyncRedisCheckpointer(redis, prefix=f"{prefix}[x]")
    elsewhere = AsyncRedisCheckpointer(redis, prefix=f"{prefix}x")
    for thread in threads:
        await checkpointer.aput(_config(thread), empty_checkpoint(), {}, {})
    await elsewhere.aput(_config("not here"), empty_checkpoint(), {}, {})

    found = [each.config["configurable"] async for each in checkpointer.alist(None)]

    assert {each["thread_id"] for each in found} == set(threads)
    assert len(found) == len(threads)


async def test_an_executor_that_cannot_look_for_keys_says_so(redis: Client, prefix: str) -> None:
    ours = RedisPyExecutor(redis)

    class Bare:
        command = staticmethod(ours.command)
        script = staticmethod(ours.script)

    bare: Executor = Bare()
    checkpointer = AsyncRedisCheckpointer(bare, prefix=prefix)

    with pytest.raises(TypeError, match="thread_id"):
        await _ids(checkpointer.alist(None))


async def test_a_deleted_thread_leaves_no_key_and_others_stay(
    checkpointer: AsyncRedisCheckpointer, dump: Callable[[], Awaitable[dict[bytes, Any]]]
) -> None:
    for thread in ("gone", "stays"):
        place = await checkpointer.aput(_config(thread), empty_checkpoint(), {}, {})
        await checkpointer.aput_writes(place, [("messages", "hello")], "task")

    await checkpointer.adelete_thread("gone")
    await checkpointer.adelete_thread("gone")

    assert await checkpointer.aget_tuple(_config("gone")) is None
    assert await checkpointer.aget_tuple(_config("stays")) is not None
    assert not [key for key in await dump() if b"gone" in key]
