"""The graph of a worker whose deltas are counted: it writes as fast as a delta stream goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

from langchain_core.messages import AIMessageChunk, BaseMessage
from langgraph.graph import END, START, MessagesState, StateGraph

from parley_testing.models import StreamingModel

RATE = 25
"""Pieces a second."""
SECONDS = 8


class Steady(StreamingModel):
    """One short word after another."""

    async def chunks(self, messages: Sequence[BaseMessage]) -> AsyncIterator[AIMessageChunk]:  # noqa: ARG002  # the port's
        for number in range(RATE * SECONDS):
            yield AIMessageChunk(content=f"{number} ")
            await asyncio.sleep(1 / RATE)


def writing() -> StateGraph[MessagesState, None, MessagesState, MessagesState]:
    """One node that writes."""

    async def answer(state: MessagesState) -> dict[str, Any]:
        return {"messages": [await Steady().ainvoke(state["messages"])]}

    builder = StateGraph(MessagesState)
    builder.add_node("answer", answer)
    builder.add_edge(START, "answer")
    builder.add_edge("answer", END)
    return builder
