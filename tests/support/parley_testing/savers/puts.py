"""What one put costs as a conversation grows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import Checkpoint
from langgraph.checkpoint.base.id import uuid6

from parley_testing.savers.chat import question, words
from parley_testing.savers.contenders import Saver
from parley_testing.savers.gauge import Cost, Gauge

WINDOW = 20
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
    saver: Saver, gauge: Gauge, *, turns: Sequence[int], threads: int
) -> list[PutCost]:
    """One put a turn, each two messages longer; measured from each of `turns` on."""
    states = [_Thread(saver, f"long-{number}") for number in range(threads)]
    costs = []
    done = 0
    for turn in turns:
        for state in states:
            for number in range(done, turn):
                await state.put(number)
        costs.append(_mean(turn, await _window(states, gauge, first=turn)))
        done = turn + WINDOW
    return costs


async def _window(states: Sequence[_Thread], gauge: Gauge, *, first: int) -> list[Cost]:
    costs = []
    for state in states:
        # As a run does: what it puts, it has read before.
        await state.read()
        with gauge.measured() as cost:
            for number in range(first, first + WINDOW):
                await state.put(number)
        costs.append(cost)
    return costs


def _mean(turn: int, costs: Sequence[Cost]) -> PutCost:
    puts = WINDOW * len(costs)
    return PutCost(
        turn=turn,
        redis_us=1e6 * sum(cost.script_seconds for cost in costs) / puts,
        client_us=1e6 * sum(cost.client_cpu for cost in costs) / puts,
        sent=sum(cost.received for cost in costs) / puts,
        grown=sum(cost.memory for cost in costs) / puts,
    )


class _Thread:
    """One conversation whose checkpoints are put without a graph."""

    def __init__(self, saver: Saver, name: str) -> None:
        self._saver = saver
        self._name = name
        self._messages: list[AnyMessage] = []
        self._version: str | None = None
        self._config: RunnableConfig = {"configurable": {"thread_id": name, "checkpoint_ns": ""}}

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
