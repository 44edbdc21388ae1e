"""The agent under load on Kubernetes: `PARLEY_GRAPH=parley_testing.kube.agent:three_steps`.

Its nodes keep the journal, and the answer is streamed and never the same twice: whoever writes one
again, where nothing had to be written again, is seen by the clients too.
"""

from __future__ import annotations

import asyncio
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, MessagesState, StateGraph

from parley_testing.journal import written
from parley_testing.models import Wanderer

Builder = StateGraph[MessagesState, None, MessagesState, MessagesState]
WORDS = 20
"""Two seconds of an answer."""
BRIEF = 0.2
"""Seconds of the steps before and after it."""


async def think(state: MessagesState, config: RunnableConfig) -> dict[str, Any]:
    """Before the answer."""
    async with written("think", config):
        await asyncio.sleep(BRIEF)
    return {}


async def answer(state: MessagesState, config: RunnableConfig) -> dict[str, Any]:
    """The only step that says something."""
    async with written("answer", config):
        said = await Wanderer(words=WORDS).ainvoke(state["messages"])
    return {"messages": [said]}


async def note(state: MessagesState, config: RunnableConfig) -> dict[str, Any]:
    """After it."""
    async with written("note", config):
        await asyncio.sleep(BRIEF)
    return {}


def three_steps() -> Builder:
    """`think, answer, note`."""
    builder = StateGraph(MessagesState)
    return (
        builder.add_sequence([think, answer, note]).add_edge(START, "think").add_edge("note", END)
    )
