"""The same operations on LangGraph's reference saver and on ours give the same tuples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.types import ERROR, INTERRUPT, RESUME

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig
    from langgraph.checkpoint.base import BaseCheckpointSaver, Checkpoint, CheckpointTuple

    from parley_checkpoint import AsyncRedisCheckpointer

NAMESPACES = ("", "child", "child:6f1c")
CHANNELS = ("messages", "topic", "branch:to:next")
THREAD = "thread"

Absent = frozenset[tuple[str, str, int]]

NUMBERS = st.integers(0, 5)
NAMES = st.sampled_from(NAMESPACES)
ABSENT = st.frozensets(st.tuples(NAMES, st.sampled_from(CHANNELS), NUMBERS))
"""Which versions of a channel have no value: LangGraph says so with each put that has them."""
VALUES = (
    st.none()
    | st.text(max_size=4)
    | st.binary(max_size=4)
    | st.lists(st.integers(-(2**63), 2**63 - 1), max_size=3)
    | st.lists(st.sampled_from([100 * letter for letter in "abcd"]), max_size=25)
)
PUTS = st.tuples(
    st.just("put"),
    NUMBERS,
    NAMES,
    st.fixed_dictionaries(dict.fromkeys(CHANNELS, VALUES)),
)
WRITES = st.tuples(
    st.just("writes"),
    NUMBERS,
    NAMES,
    st.lists(
        st.tuples(st.sampled_from([*CHANNELS, ERROR, INTERRUPT, RESUME]), VALUES),
        max_size=3,
    ),
    st.sampled_from(["task-a", "task-b"]),
    st.sampled_from(["", "~pull, a", "~pull, b"]),
)


async def _apply(
    saver: BaseCheckpointSaver[Any], operation: tuple[Any, ...], absent: Absent = frozenset()
) -> None:
    kind, number, namespace, content, *task = operation
    if kind == "writes":
        await saver.aput_writes(_config(namespace, _id(number)), content, *task)
    else:
        await _put(saver, number, namespace=namespace, values=content, absent=absent)


async def _put(
    saver: BaseCheckpointSaver[Any],
    number: int,
    *,
    namespace: str,
    values: dict[str, Any],
    absent: Absent = frozenset(),
) -> None:
    """The child of the checkpoint before it, from which it has some channels' values."""
    inherited = CHANNELS[: number % 3] if number else ()
    versioned = {name: number - (name in inherited) for name in CHANNELS}
    versions = {name: _id(at) for name, at in versioned.items()}
    there = {
        name: value
        for name, value in values.items()
        if (namespace, name, versioned[name]) not in absent
    }
    await saver.aput(
        _config(namespace, _id(number - 1) if number else None),
        _checkpoint(_id(number), there, versions),
        {"source": "loop", "step": len(values), "run_id": f"run-{number // 3}"},
        {name: at for name, at in versions.items() if name not in inherited},
    )


def _id(number: int) -> str:
    return f"1f{number:04}"


def _config(namespace: str, id: str | None = None) -> RunnableConfig:
    place = {"thread_id": THREAD, "checkpoint_ns": namespace}
    return {"configurable": place | ({} if id is None else {"checkpoint_id": id})}


def _checkpoint(id: str, values: dict[str, Any], versions: dict[str, str]) -> Checkpoint:
    return {
        "v": 2,
        "id": id,
        "ts": "2026-01-01T00:00:00+00:00",
        "channel_values": values,
        "channel_versions": dict(versions),
        "versions_seen": {"node": {"messages": "1"}},
        "updated_channels": None,
    }


async def _all(saver: BaseCheckpointSaver[Any]) -> list[CheckpointTuple]:
    """Every tuple, by namespace, as both savers list namespaces in an order of their own."""
    found = [[each async for each in saver.alist(_config(namespace))] for namespace in NAMESPACES]
    return [each for page in found for each in page]


@given(operations=st.lists(PUTS | WRITES, max_size=12), absent=ABSENT, repeats=st.booleans())
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_it_answers_as_the_reference_does(
    checkpointer: AsyncRedisCheckpointer,
    operations: list[tuple[Any, ...]],
    *,
    absent: Absent,
    repeats: bool,
) -> None:
    await checkpointer.adelete_thread(THREAD)
    reference = InMemorySaver()

    for operation in operations:
        await _apply(reference, operation, absent)
        for _ in range(1 + repeats):
            await _apply(checkpointer, operation, absent)

    assert await _all(checkpointer) == await _all(reference)
    for namespace in NAMESPACES:
        newest = await reference.aget_tuple(_config(namespace))
        assert await checkpointer.aget_tuple(_config(namespace)) == newest


async def test_the_first_write_of_a_task_and_index_stays(
    checkpointer: AsyncRedisCheckpointer,
) -> None:
    await _put(checkpointer, 0, namespace="", values={})
    place = _config("", _id(0))
    await checkpointer.aput_writes(place, [("messages", "first"), (INTERRUPT, "first")], "task")

    await checkpointer.aput_writes(place, [("messages", "second"), (INTERRUPT, "second")], "task")

    found = await checkpointer.aget_tuple(place)
    assert found is not None
    assert found.pending_writes == [("task", INTERRUPT, "second"), ("task", "messages", "first")]
