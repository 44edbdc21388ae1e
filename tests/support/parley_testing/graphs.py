"""Graphs for fault runs: `PARLEY_GRAPH=parley_testing.graphs:<name>`."""

from __future__ import annotations

import asyncio
from typing import Any

from langchain_core.messages import AIMessage
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import interrupt

from parley_testing.models import PAUSE, Wanderer

Node = Any
"""A coroutine function from the state to what it changes."""
Builder = StateGraph[MessagesState, None, MessagesState, MessagesState]
BRIEF = 8
"""Words of an answer that takes less than a second."""


def _one(node: Node) -> Builder:
    builder = StateGraph(MessagesState)
    builder.add_node("answer", node)
    builder.add_edge(START, "answer")
    builder.add_edge("answer", END)
    return builder


async def _rest(state: MessagesState) -> dict[str, Any]:
    await asyncio.sleep(1.0)
    return {"messages": [AIMessage("That took a second.")]}


async def _answer(state: MessagesState) -> dict[str, Any]:
    return {"messages": [await Wanderer().ainvoke(state["messages"])]}


async def _brief(state: MessagesState) -> dict[str, Any]:
    return {"messages": [await Wanderer(words=BRIEF).ainvoke(state["messages"])]}


def one_second() -> Builder:
    """One node that waits for a second, as for a model, and answers."""
    return _one(_rest)


def wandering() -> Builder:
    """One node that writes three seconds of random words."""
    return _one(_answer)


def brief() -> Builder:
    """One node that writes random words for less than a second."""
    return _one(_brief)


def questions() -> Builder:
    """Three nodes at once, each of which asks, and works for a moment before and after that."""
    builder = StateGraph(MessagesState)
    for name in "abc":
        builder.add_node(name, _asking(name))
        builder.add_edge(START, name)
    return builder


def _asking(name: str) -> Any:
    async def asks(state: MessagesState) -> dict[str, Any]:  # LangGraph's
        await asyncio.sleep(PAUSE)
        answer = interrupt(name)
        await asyncio.sleep(PAUSE)
        return {"messages": [AIMessage(f"{name}: {answer}")]}

    return asks
