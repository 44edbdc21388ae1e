"""Which checkpoints stay, beside a model of the rule, and that nothing else is left."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parley_checkpoint import AsyncRedisCheckpointer, Retention
from parley_testing.checkpoint_counts import assert_nothing_is_left_over, stored

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig
    from langgraph.checkpoint.base import Checkpoint

    from parley_checkpoint.redis_py import Client

Dump = Callable[[], Awaitable[dict[bytes, Any]]]
LARGE = "large " * 100
LASTING, OF_A_TASK = ("", "memory"), ("step:1", "step:2")


@dataclass(frozen=True)
class Put:
    """The next put of a thread."""

    turn: int
    namespace: str
    id: str


def _config(namespace: str = "", id: str | None = None, *, run: str = "") -> RunnableConfig:
    place = {"thread_id": "thread", "checkpoint_ns": namespace}
    return {
        "configurable": place | ({"checkpoint_id": id} if id else {}),
        "metadata": {"run_id": run} if run else {},
    }


def _messages(put: Put) -> list[str]:
    """Of the last few puts: long enough to be kept as a list, which grows and is cut."""
    number = int(put.id)
    return [f"{each:0200}" for each in range(number - number % 7, number + 1)] * 2


async def _put(checkpointer: AsyncRedisCheckpointer, put: Put, *, source: str = "loop") -> None:
    version = f"{put.id}.v"
    checkpoint: Checkpoint = {
        "v": 2,
        "id": put.id,
        "ts": "",
        "channel_values": {"messages": _messages(put), "kept": "always", "large": LARGE},
        "channel_versions": {"messages": version, "kept": "1", "large": version},
        "versions_seen": {},
        "updated_channels": None,
    }
    run = f"run-{put.turn}" if put.turn else ""
    await checkpointer.aput(
        _config(put.namespace, run=run),
        checkpoint,
        {"source": source},  # type: ignore[typeddict-item]
        {"messages": version, "kept": "1", "large": version},
    )
    await checkpointer.aput_writes(_config(put.namespace, put.id), [("messages", 1)], "task")


async def _kept(checkpointer: AsyncRedisCheckpointer) -> set[tuple[str, str]]:
    config: RunnableConfig = {"configurable": {"thread_id": "thread"}}
    found = [each.config["configurable"] async for each in checkpointer.alist(config)]
    return {(each["checkpoint_ns"], each["checkpoint_id"]) for each in found}


def _model(puts: list[Put], retention: Retention) -> list[Put]:
    """The rule of lua/lib/prune.lua, applied after each put as if nothing were ever skipped."""
    interval, most = retention.interval or 1, retention.max_checkpoints or 0
    kept: list[Put] = []
    for put in puts:
        kept.append(put)
        is_new_turn = not [each for each in kept if each.turn == put.turn and each != put]
        if is_new_turn or len(kept) > most:
            kept = _pruned(kept, current=put.turn, interval=interval, most=most)
    return kept


def _pruned(puts: list[Put], *, current: int, interval: int, most: int) -> list[Put]:
    always = {put for put in puts if _is_always(put, puts, current)}
    chosen = [put for put in puts if put in always or _stays(put, puts, current, interval)]
    surplus = len(chosen) - most + most // 5 if len(puts) > most else 0
    others = sorted((put for put in chosen if put not in always), key=lambda put: put.id)
    dropped = set(others[: max(surplus, 0)])
    return [put for put in chosen if put not in dropped]


def _is_always(put: Put, puts: list[Put], current: int) -> bool:
    same = [each for each in puts if each.namespace == put.namespace]
    before = [each for each in same if each.turn < current]
    if put == same[-1] and put.turn == current:
        return True
    return put.namespace in LASTING and put in (same[-1], *before[-1:])


def _stays(put: Put, puts: list[Put], current: int, interval: int) -> bool:
    if put.turn == current:
        return True
    of_turn = [each for each in puts if (each.namespace, each.turn) == (put.namespace, put.turn)]
    return put.namespace in LASTING and put.turn % interval == 0 and put == of_turn[-1]


TURNS = st.lists(
    st.lists(st.sampled_from([*LASTING, *OF_A_TASK]), min_size=1, max_size=6), max_size=9
)


LIMITS = st.builds(Retention, interval=st.integers(1, 3), max_checkpoints=st.integers(1, 24))


@given(turns=TURNS, retention=LIMITS)
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_a_put_leaves_what_the_rule_says_and_nothing_of_the_rest(
    *, redis: Client, prefix: str, dump: Dump, turns: list[list[str]], retention: Retention
) -> None:
    checkpointer = AsyncRedisCheckpointer(redis, prefix=prefix, retention=retention)
    await checkpointer.adelete_thread("thread")
    steps = [(turn, step) for turn, steps in enumerate(turns, start=1) for step in steps]
    puts = [Put(turn, step, f"{number:04}") for number, (turn, step) in enumerate(steps)]

    for put in puts:
        await _put(checkpointer, put)
        await _put(checkpointer, put)

    kept = {(put.namespace, put.id) for put in _model(puts, retention)}
    assert await _kept(checkpointer) == kept
    _assert_only(kept, await dump(), prefix)


def _assert_only(kept: set[tuple[str, str]], dump: dict[bytes, Any], prefix: str) -> None:
    """The keys hold what the kept checkpoints have, each value with its number of users."""
    thread = stored(dump, f"{prefix}:{{thread}}:ckpt:thread:")
    members = {f"{namespace}\0{id}".encode() for namespace, id in kept}
    newest = {f"l{namespace}".encode() for namespace, _ in kept}
    assert thread.index == members
    assert set(thread.data) - {b"turn", b"run"} == newest | {
        kind + member for kind in (b"p", b"h") for member in members
    }
    assert set(thread.writes) == {
        field for member in members for field in (b"n" + member, b"w" + member + b"\0task")
    }
    assert_nothing_is_left_over(thread)


async def test_without_a_run_id_a_turn_begins_with_each_input(redis: Client, prefix: str) -> None:
    retention = Retention(interval=2)
    checkpointer = AsyncRedisCheckpointer(redis, prefix=prefix, retention=retention)

    for number, source in enumerate(["input", "loop"] * 5):
        for _ in ("first", "repeat"):
            await _put(checkpointer, Put(0, "", f"{number:04}"), source=source)

    # Turns 2 and 4 by their last, 5 as the current one, with the last of 4 as its base.
    assert await _kept(checkpointer) == {("", id) for id in ("0003", "0007", "0008", "0009")}


async def test_a_late_put_neither_becomes_the_newest_nor_begins_a_turn(
    redis: Client, prefix: str
) -> None:
    checkpointer = AsyncRedisCheckpointer(redis, prefix=prefix, retention=Retention(interval=9))
    for put in (Put(1, "", "0001"), Put(2, "", "0003"), Put(2, "", "0004")):
        await _put(checkpointer, put)

    await _put(checkpointer, Put(1, "", "0002"))

    newest = await checkpointer.aget_tuple(_config())
    assert newest is not None
    assert newest.checkpoint["id"] == "0004"
    assert ("", "0003") in await _kept(checkpointer)


async def test_an_older_checkpoint_dies_of_age_unless_it_was_read(
    redis: Client, prefix: str
) -> None:
    age = 0.2
    retention = Retention(ttl_minutes=age / 60)
    checkpointer = AsyncRedisCheckpointer(redis, prefix=prefix, retention=retention)
    for turn in (1, 2, 3):
        await _put(checkpointer, Put(turn, "", f"000{turn}"))
    await asyncio.sleep(age * 1.1)
    await checkpointer.aget_tuple(_config("", "0002"))

    await _put(checkpointer, Put(4, "", "0004"))

    assert await _kept(checkpointer) == {("", "0002"), ("", "0003"), ("", "0004")}


async def test_every_key_of_a_thread_dies_with_it(redis: Client, prefix: str, dump: Dump) -> None:
    life = timedelta(seconds=0.3)
    retention = Retention(session_ttl=life)
    checkpointer = AsyncRedisCheckpointer(redis, prefix=prefix, retention=retention)

    await _put(checkpointer, Put(1, "", "0001"))

    keys = await dump()
    left = [await redis.pttl(key) for key in keys]
    assert len(keys) == 4
    assert all(0 < ms <= 300 for ms in left)
    await asyncio.sleep(life.total_seconds())
    assert await dump() == {}


async def test_by_default_everything_stays(
    checkpointer: AsyncRedisCheckpointer, redis: Client, dump: Dump
) -> None:
    puts = [Put(turn, "", f"{turn:04}") for turn in range(1, 121)]

    for put in puts:
        await _put(checkpointer, put)

    assert len(await _kept(checkpointer)) == 120
    assert {await redis.pttl(key) for key in await dump()} == {-1}


@pytest.mark.parametrize(
    "limits",
    [
        {"session_ttl": timedelta(0)},
        {"ttl_minutes": 0},
        {"max_checkpoints": 0},
        {"interval": -1},
    ],
)
def test_a_limit_of_nothing_is_refused_by_name(limits: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(limits))):
        Retention(**limits)
