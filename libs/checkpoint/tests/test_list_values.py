"""Lists as Redis has them: by their elements, shared by checkpoints, gone with the last one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage, ToolMessage
from redis.asyncio import RedisCluster

from parley_checkpoint import AsyncRedisCheckpointer
from parley_checkpoint.redis_py import Client, RedisPyExecutor
from parley_testing.checkpoint_counts import Stored, assert_nothing_is_left_over, stored
from parley_testing.counting import Counting

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig

Dump = Callable[[], Awaitable[dict[bytes, Any]]]


def _config(id: str | None = None, run: str = "run") -> RunnableConfig:
    place = {"thread_id": "thread", "checkpoint_ns": ""}
    return {
        "configurable": place | ({} if id is None else {"checkpoint_id": id}),
        "metadata": {"run_id": run},
    }


async def _put(
    checkpointer: AsyncRedisCheckpointer, number: int, messages: list[Any], *, run: str = "run"
) -> RunnableConfig:
    id = f"{number:06}"
    checkpoint: Any = {
        "v": 4,
        "id": id,
        "ts": "",
        "channel_values": {"messages": messages},
        "channel_versions": {"messages": id},
        "versions_seen": {},
        "updated_channels": None,
    }
    parent = f"{number - 1:06}" if number else None
    return await checkpointer.aput(_config(parent, run), checkpoint, {}, {"messages": id})


async def _read(checkpointer: AsyncRedisCheckpointer, id: str | None = None) -> Any:
    found = await checkpointer.aget_tuple(_config(id))
    return found and found.checkpoint["channel_values"].get("messages")


def _words(number: int) -> str:
    return f"{number:06} " * 20


@pytest.fixture
def thread(dump: Dump, prefix: str) -> Callable[[], Awaitable[Stored]]:
    async def read() -> Stored:
        return stored(await dump(), f"{prefix}:{{thread}}:ckpt:thread:")

    return read


async def test_checkpoints_share_the_elements_that_they_have_in_common(
    checkpointer: AsyncRedisCheckpointer, thread: Callable[[], Awaitable[Stored]]
) -> None:
    for count in range(3, 40):
        await _put(checkpointer, count, [_words(number) for number in range(count)])

    found = await thread()

    assert len(found.elements) == 39
    assert await _read(checkpointer, "000003") == [_words(number) for number in range(3)]
    assert await _read(checkpointer) == [_words(number) for number in range(39)]


async def test_another_process_goes_on_where_one_ended(
    redis: Client, prefix: str, thread: Callable[[], Awaitable[Stored]]
) -> None:
    messages: list[AnyMessage] = [
        SystemMessage("Be kind.", id="0"),
        HumanMessage("What is the weather like? " * 9, id="1"),
        AIMessage("", id="2", tool_calls=[{"name": "weather", "args": {"at": "here"}, "id": "c"}]),
        ToolMessage("fair", id="3", tool_call_id="c"),
    ]
    await _put(AsyncRedisCheckpointer(redis, prefix=prefix), 1, messages)
    executor = Counting(RedisPyExecutor(redis))
    other = AsyncRedisCheckpointer(executor, prefix=prefix)

    read = await _read(other)
    await _put(other, 2, [*read, AIMessage("It is fair.", id="4")])

    assert await _read(other) == [*messages, AIMessage("It is fair.", id="4")]
    assert len((await thread()).elements) == 5


async def test_an_element_that_was_edited_in_place_is_seen(
    checkpointer: AsyncRedisCheckpointer,
) -> None:
    messages = [HumanMessage(_words(number), id=str(number)) for number in range(20)]
    await _put(checkpointer, 1, messages)

    messages[3].content = "edited"
    await _put(checkpointer, 2, messages)

    assert (await _read(checkpointer, "000001"))[3].content == _words(3)
    assert (await _read(checkpointer))[3].content == "edited"
    assert (await _read(checkpointer))[4:] == messages[4:]


async def test_a_list_is_sent_whole_where_what_it_builds_on_is_gone(
    checkpointer: AsyncRedisCheckpointer, redis: Client, prefix: str
) -> None:
    messages = [_words(number) for number in range(30)]
    await _put(checkpointer, 1, messages)
    await AsyncRedisCheckpointer(redis, prefix=prefix).adelete_thread("thread")

    await _put(checkpointer, 2, [*messages, "more"])

    assert await _read(checkpointer) == [*messages, "more"]


async def test_a_put_costs_what_changed_however_long_the_list(redis: Client, prefix: str) -> None:
    """Bytes that are sent; a put may name up to seven elements of the one before again."""
    executor = Counting(RedisPyExecutor(redis))
    checkpointer = AsyncRedisCheckpointer(executor, prefix=prefix)
    messages: list[str] = []

    for number in range(1, 1001):
        messages = [*messages, _words(number)]
        await _put(checkpointer, number, messages)

    early, late = sum(executor.sent[8:16]), sum(executor.sent[-8:])
    assert abs(late - early) <= early * 0.05
    assert await _read(checkpointer) == messages


async def test_the_server_does_as_much_for_a_late_put_as_for_an_early_one(
    redis: Client, prefix: str
) -> None:
    """Commands that scripts run; the same for each put, wherever elements are."""
    checkpointer = AsyncRedisCheckpointer(redis, prefix=prefix)
    messages: list[str] = []
    work = []

    for number in range(1, 401):
        messages = [*messages, _words(number)]
        before = await _commands(redis)
        await _put(checkpointer, number, messages)
        work.append(await _commands(redis) - before)

    assert sum(work[8:16]) == sum(work[-8:])


async def _commands(redis: Client) -> int:
    """How often the commands that scripts use were run on all nodes."""
    if isinstance(redis, RedisCluster):
        infos = [*(await redis.info("commandstats", target_nodes="primaries")).values()]
    else:
        infos = [await redis.info("commandstats")]
    kinds = ("hget", "hmget", "hset", "hsetnx", "hexists", "hincrby", "hdel", "zadd")
    return sum(
        info.get(f"cmdstat_{kind}", {"calls": 0})["calls"] for info in infos for kind in kinds
    )


async def test_vectors_and_short_lists_are_kept_whole(
    checkpointer: AsyncRedisCheckpointer, thread: Callable[[], Awaitable[Stored]]
) -> None:
    vector = [number / 7 for number in range(1000)]

    await _put(checkpointer, 1, vector)
    await _put(checkpointer, 2, ["a", "few", "words"])

    assert (await thread()).elements == {}
    assert await _read(checkpointer, "000001") == vector
    assert await _read(checkpointer) == ["a", "few", "words"]


async def test_a_tuple_of_long_texts_is_no_list(checkpointer: AsyncRedisCheckpointer) -> None:
    await _put(checkpointer, 1, (_words(1), [_words(2)]))  # type: ignore[arg-type]

    # As the serializer has it.
    assert await _read(checkpointer) == [_words(1), [_words(2)]]


EDITS = st.tuples(
    st.just("edit"), st.integers(0, 30), st.integers(0, 12), st.lists(st.integers(0, 9), max_size=9)
)
OPERATIONS = st.lists(
    EDITS
    | st.tuples(st.just("rewind"), st.integers(1, 3))
    | st.tuples(st.just("prune"))
    | st.tuples(st.just("forget"), st.integers(0, 3)),
    max_size=20,
)


@given(operations=OPERATIONS)
@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_whatever_comes_and_goes_each_list_is_what_it_was_and_nothing_is_left_over(
    checkpointer: AsyncRedisCheckpointer,
    thread: Callable[[], Awaitable[Stored]],
    operations: list[tuple[Any, ...]],
) -> None:
    await checkpointer.adelete_thread("thread")
    kept: dict[int, list[str]] = {}
    for number, (kind, *rest) in enumerate(operations):
        if kind == "edit":
            at, dropped, added = rest
            last = kept[max(kept)] if kept else []
            kept[number] = last[:at] + [_words(word) for word in added] + last[at + dropped :]
            await _put(checkpointer, number, kept[number], run=f"run-{number % 4}")
        elif kind == "rewind":
            for id in sorted(kept)[-rest[0] :]:
                del kept[id]
            await checkpointer.arewind(_config(f"{max(kept):06}" if kept else ""))
        elif kind == "prune":
            await checkpointer.aprune(["thread"])
            kept = {max(kept): kept[max(kept)]} if kept else {}
        else:
            await checkpointer.adelete_for_runs([f"run-{rest[0]}"])
            kept = {id: words for id, words in kept.items() if id % 4 != rest[0]}

        for id, words in kept.items():
            assert await _read(checkpointer, f"{id:06}") == words
        assert await _read(checkpointer) == (kept[max(kept)] if kept else None)
        assert_nothing_is_left_over(await thread())
    assert bool(kept) == bool((await thread()).blobs)
