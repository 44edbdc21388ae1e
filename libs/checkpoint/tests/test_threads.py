"""Whole threads: copied, pruned, rewound and deleted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from langgraph.checkpoint.base import CheckpointTuple

from parley_checkpoint import (
    AsyncRedisCheckpointer,
    Fence,
    RedisCheckpointer,
    Retention,
    StaleToken,
)
from parley_checkpoint.redis_py import Client
from parley_testing.checkpoint_counts import assert_nothing_is_left_over, stored

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig

Dump = Callable[[], Awaitable[dict[bytes, Any]]]
NAMESPACES = ("", "child", "child:1")


def _config(namespace: str | None = None, id: str | None = None, *, thread: str = "thread") -> Any:
    place = {"checkpoint_ns": namespace, "checkpoint_id": id}
    given = {name: value for name, value in place.items() if value is not None}
    return {"configurable": {"thread_id": thread, **given}}


async def _put(
    checkpointer: AsyncRedisCheckpointer, number: int, namespace: str = "", *, run: str = "run"
) -> RunnableConfig:
    id = f"{number:04}"
    checkpoint: Any = {
        "v": 4,
        "id": id,
        "ts": "",
        "channel_values": {"messages": [f"{each:0200}" for each in range(number)]},
        "channel_versions": {"messages": id},
        "versions_seen": {},
    }
    config = _config(namespace) | {"metadata": {"run_id": run}}
    place = await checkpointer.aput(config, checkpoint, {}, {"messages": id})
    await checkpointer.aput_writes(place, [("messages", id)], "task")
    return place


async def _fill(checkpointer: AsyncRedisCheckpointer, count: int = 9) -> None:
    for number in range(count):
        await _put(checkpointer, number, NAMESPACES[number % 3], run=f"run-{number // 3}")


async def _all(checkpointer: AsyncRedisCheckpointer, thread: str = "thread") -> list[Any]:
    """What each checkpoint has, without its thread's name."""
    return [_without_thread(each) async for each in checkpointer.alist(_config(thread=thread))]


def _without_thread(found: CheckpointTuple) -> Any:
    place = found.config["configurable"]
    return place["checkpoint_ns"], found.checkpoint, found.metadata, found.pending_writes


async def _ids(checkpointer: AsyncRedisCheckpointer, thread: str = "thread") -> set[str]:
    return {each[1]["id"] for each in await _all(checkpointer, thread)}


async def test_a_copy_has_all_and_is_on_its_own(
    checkpointer: AsyncRedisCheckpointer, dump: Dump, prefix: str
) -> None:
    await _fill(checkpointer)
    before = await _all(checkpointer)

    await checkpointer.acopy_thread("thread", "copy")
    await checkpointer.acopy_thread("thread", "copy")
    await checkpointer.adelete_thread("thread")

    assert await _all(checkpointer, "copy") == before
    assert_nothing_is_left_over(stored(await dump(), f"{prefix}:{{copy}}:ckpt:copy:"))


async def test_a_copy_until_a_checkpoint_leaves_out_what_came_later_in_every_namespace(
    checkpointer: AsyncRedisCheckpointer, dump: Dump, prefix: str
) -> None:
    await _fill(checkpointer)

    await checkpointer.acopy_thread("thread", "fork", until="0006")

    assert await _ids(checkpointer, "fork") == {f"{number:04}" for number in range(7)}
    newest = await checkpointer.aget_tuple(_config("", thread="fork"))
    assert newest is not None
    assert newest.checkpoint["id"] == "0006"
    assert newest.pending_writes == [("task", "messages", "0006")]
    assert_nothing_is_left_over(stored(await dump(), f"{prefix}:{{fork}}:ckpt:fork:"))
    assert len(await _ids(checkpointer)) == 9


@pytest.mark.parametrize("until", ["0099", "0001"])
async def test_a_copy_until_what_the_root_has_not_is_refused(
    checkpointer: AsyncRedisCheckpointer, until: str
) -> None:
    await _fill(checkpointer)

    with pytest.raises(LookupError, match=until):
        await checkpointer.acopy_thread("thread", "fork", until=until)

    assert await _ids(checkpointer, "fork") == set()


async def test_a_copy_takes_the_place_of_what_was_there_and_lives_as_long_as_a_thread(
    redis: Client, prefix: str, dump: Dump
) -> None:
    retention = Retention(session_ttl=timedelta(hours=1))
    checkpointer = AsyncRedisCheckpointer(redis, prefix=prefix, retention=retention)
    await _put(checkpointer, 1)
    old: Any = {"v": 4, "id": "old", "ts": "", "channel_values": {}}
    old |= {"channel_versions": {}, "versions_seen": {}}
    await checkpointer.aput(_config("old", thread="copy"), old, {}, {})

    await checkpointer.acopy_thread("thread", "copy")

    assert await _ids(checkpointer, "copy") == {"0001"}
    left = [await redis.pttl(key) for key in await dump()]
    assert len(left) == 8
    assert all(3_000_000 < ms <= 3_600_000 for ms in left)


async def test_rewinding_leaves_what_was_and_nothing_of_what_came_after(
    checkpointer: AsyncRedisCheckpointer, dump: Dump, prefix: str
) -> None:
    await _fill(checkpointer, 5)
    before = await _all(checkpointer)
    for number in range(5, 12):
        await _put(checkpointer, number, NAMESPACES[number % 3])

    for _ in ("first", "repeat"):
        await checkpointer.arewind(_config("", "0004"))

    assert await _all(checkpointer) == before
    for namespace, id in zip(NAMESPACES, ("0003", "0004", "0002"), strict=True):
        newest = await checkpointer.aget_tuple(_config(namespace))
        assert newest is not None
        assert newest.checkpoint["id"] == id
    assert_nothing_is_left_over(stored(await dump(), f"{prefix}:{{thread}}:ckpt:thread:"))


@pytest.mark.parametrize("id", ["", None])
async def test_rewinding_to_before_the_first_leaves_no_key(
    checkpointer: AsyncRedisCheckpointer, dump: Dump, id: str | None
) -> None:
    await _fill(checkpointer)

    await checkpointer.arewind(_config(id=id))

    assert await dump() == {}


async def test_a_put_after_a_rewind_is_the_newest(checkpointer: AsyncRedisCheckpointer) -> None:
    await _fill(checkpointer)
    await checkpointer.arewind(_config("", "0003"))

    await _put(checkpointer, 4)

    newest = await checkpointer.aget_tuple(_config(""))
    assert newest is not None
    assert newest.checkpoint["channel_values"]["messages"] == [f"{each:0200}" for each in range(4)]


async def test_rewinding_under_another_token_changes_nothing(
    checkpointer: AsyncRedisCheckpointer, redis: Client, prefix: str, dump: Dump
) -> None:
    await _fill(checkpointer)
    fence = Fence(f"{prefix}:{{thread}}:leases", "thread", "1:worker:nonce")
    await redis.hset(fence.key, fence.field, "2:other:nonce")
    before = await dump()
    config = _config("", "0001")
    config["configurable"] |= fence.configurable()

    with pytest.raises(StaleToken):
        await checkpointer.arewind(config)

    assert await dump() == before
    await redis.hset(fence.key, fence.field, fence.token)
    await checkpointer.arewind(config)
    assert await _ids(checkpointer) == {"0000", "0001"}


async def test_pruning_leaves_the_newest_of_each_namespace(
    checkpointer: AsyncRedisCheckpointer, dump: Dump, prefix: str
) -> None:
    await _fill(checkpointer)

    await checkpointer.aprune(["thread", "no thread"])

    assert await _ids(checkpointer) == {"0006", "0007", "0008"}
    assert_nothing_is_left_over(stored(await dump(), f"{prefix}:{{thread}}:ckpt:thread:"))


async def test_a_strategy_that_is_not_known_is_refused(
    checkpointer: AsyncRedisCheckpointer,
) -> None:
    with pytest.raises(ValueError, match="keep_all"):
        await checkpointer.aprune(["thread"], strategy="keep_all")


async def test_what_runs_wrote_goes_from_every_thread(
    checkpointer: AsyncRedisCheckpointer, dump: Dump, prefix: str
) -> None:
    await _fill(checkpointer)
    await checkpointer.acopy_thread("thread", "copy")

    await checkpointer.adelete_for_runs(["run-0", "run-2", "no run"])

    for thread in ("thread", "copy"):
        assert await _ids(checkpointer, thread) == {"0003", "0004", "0005"}
        base = f"{prefix}:{{{thread}}}:ckpt:{thread}:"
        assert_nothing_is_left_over(stored(await dump(), base))


async def test_both_twins_see_the_same(
    checkpointer: AsyncRedisCheckpointer, sync_checkpointer: RedisCheckpointer
) -> None:
    await _fill(checkpointer)

    sync_checkpointer.copy_thread("thread", "copy", until="0003")
    sync_checkpointer.rewind(_config("", "0006"))
    sync_checkpointer.prune(["copy"])
    sync_checkpointer.delete_for_runs(["run-1"])

    found = [_without_thread(each) for each in sync_checkpointer.list(_config())]
    assert found == await _all(checkpointer)
    assert await _ids(checkpointer) == {"0000", "0001", "0002", "0006"}
    assert await _ids(checkpointer, "copy") == {"0001", "0002"}
    sync_checkpointer.delete_thread("thread")
    assert sync_checkpointer.get_tuple(_config("")) is None


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("get_tuple", "aget_tuple of it, or RedisCheckpointer"),
        ("put", "aput of it, or RedisCheckpointer"),
    ],
)
async def test_a_method_of_the_twin_says_where_it_is(
    checkpointer: AsyncRedisCheckpointer, name: str, instead: str
) -> None:
    with pytest.raises(NotImplementedError, match=instead):
        getattr(checkpointer, name)(_config())


def test_the_twin_says_so_too(sync_checkpointer: RedisCheckpointer) -> None:
    with pytest.raises(NotImplementedError, match="use get_tuple of it, or AsyncRedisCheckp"):
        sync_checkpointer.aget_tuple(_config())
