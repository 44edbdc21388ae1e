"""What one put costs as a conversation grows.

The client makes its calls without sending them, and Redis then gets all of them at once. Taken in
turns on one core, each would find its caches filled by the other: a client that has serialised a
thousand messages makes the server's next script slower by half, whatever that does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import Checkpoint
from langgraph.checkpoint.base.id import uuid6

from parley_checkpoint import AsyncRedisCheckpointer, Script
from parley_checkpoint.ports import Argument, Executor
from parley_testing.savers.chat import question, words
from parley_testing.savers.gauge import Cost, Gauge

WINDOW = 40
"""Puts of each thread that a figure is the mean of."""


@dataclass(frozen=True, slots=True)
class PutCost:
    """Means of a put: microseconds, bytes."""

    turn: int
    redis_us: float
    client_us: float
    sent: float
    grown: float


async def put_costs(
    saver: AsyncRedisCheckpointer, gauge: Gauge, *, turns: Sequence[int], threads: int
) -> list[PutCost]:
    """One put a turn, each two messages longer; measured from each of `turns` on."""
    held = saver._executor = Held(saver._executor)
    states = [_Thread(saver, f"long-{number}") for number in range(threads)]
    costs = []
    done = 0
    for turn in turns:
        for state in states:
            for number in range(done, turn):
                await state.put(number)
        costs.append(_mean(turn, await _window(states, held, gauge, first=turn)))
        done = turn + WINDOW
    return costs


class Held:
    """An executor that can keep scripts back, as if each had been done."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._kept: list[tuple[Script, Sequence[str], Sequence[Argument]]] | None = None

    def keep(self) -> None:
        """From now on."""
        self._kept = []

    async def let_go(self) -> None:
        """All that was kept, in one pipeline; from now on nothing is."""
        kept, self._kept = self._kept or [], None
        replies = await asyncio.gather(*(self._executor.script(*call) for call in kept))
        if set(replies) != {b"ok"}:
            raise ValueError(f"expected each put to be done, got {set(replies)}")

    async def command(self, *args: Argument, key: str | None = None) -> Any:
        return await self._executor.command(*args, key=key)

    async def script(self, script: Script, keys: Sequence[str], args: Sequence[Argument]) -> Any:
        if self._kept is None:
            return await self._executor.script(script, keys, args)
        self._kept.append((script, keys, args))
        return b"ok"


@dataclass(frozen=True, slots=True)
class _Window:
    """What the client and Redis had to do for some puts."""

    client: Cost
    redis: Cost
    grown: int


async def _window(
    states: Sequence[_Thread], held: Held, gauge: Gauge, *, first: int
) -> list[_Window]:
    windows = []
    for state in states:
        # As a run does: what it puts, it has read before.
        await state.read()
        size = gauge.size_of(state.keys)
        held.keep()
        with gauge.measured() as client:
            for number in range(first, first + WINDOW):
                await state.put(number)
        with gauge.measured() as redis:
            await held.let_go()
        windows.append(_Window(client, redis, gauge.size_of(state.keys) - size))
    return windows


def _mean(turn: int, windows: Sequence[_Window]) -> PutCost:
    puts = WINDOW * len(windows)
    return PutCost(
        turn=turn,
        redis_us=1e6 * sum(each.redis.script_seconds for each in windows) / puts,
        client_us=1e6 * sum(each.client.client_cpu for each in windows) / puts,
        sent=sum(each.redis.received for each in windows) / puts,
        grown=sum(each.grown for each in windows) / puts,
    )


class _Thread:
    """One conversation whose checkpoints are put without a graph."""

    def __init__(self, saver: AsyncRedisCheckpointer, name: str) -> None:
        self._saver = saver
        self._name = name
        self._messages: list[AnyMessage] = []
        self._version: str | None = None
        self._config: RunnableConfig = {"configurable": {"thread_id": name, "checkpoint_ns": ""}}

    @property
    def keys(self) -> list[str]:
        return self._saver._names.keys(self._name)

    async def read(self) -> None:
        """Go on with what the saver has."""
        config: RunnableConfig = {"configurable": {"thread_id": self._name}}
        found = await self._saver.aget_tuple(config)
        if found is None:
            raise LookupError(f"{self._name} is gone")
        self._messages = found.checkpoint["channel_values"]["messages"]

    async def put(self, number: int) -> None:
        """Say something, hear something, and keep that."""
        asked = question(self._name, number)
        said = AIMessage(words(f"answer to {asked.id}"), id=f"{asked.id}-answer")
        self._messages = [*self._messages, asked, said]
        self._version = self._saver.get_next_version(self._version, None)
        versions: Any = {"messages": self._version}
        checkpoint = Checkpoint(
            v=4,
            # As LangGraph makes them: in the order of time.
            id=str(uuid6(clock_seq=number)),
            ts="2026-01-01T00:00:00+00:00",
            channel_values={"messages": self._messages},
            channel_versions=versions,
            versions_seen={},
            updated_channels=["messages"],
        )
        run: Any = {**self._config, "metadata": {"run_id": f"{self._name}-{number}"}}
        self._config = await self._saver.aput(
            run, checkpoint, {"source": "loop", "step": number, "parents": {}}, versions
        )
