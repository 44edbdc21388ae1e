"""The conversation that savers are measured with: a graph of three nodes, and who says what.

All texts are distinct and made of seeded random words, so nothing repeats that a saver could keep
once for several.
"""

from __future__ import annotations

import asyncio
import random
import string
from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypedDict

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.graph.state import CompiledStateGraph

from parley_testing.savers.contenders import Saver

TEXT = 100
"""Characters of each message: 20 KB in a conversation of 100 turns."""
Durability = Literal["sync", "async", "exit"]


class Chat(TypedDict, total=False):
    """The state: what was said, what it is about, how many turns there were."""

    messages: Annotated[list[AnyMessage], add_messages]
    topic: str
    turns: int


async def read(state: Chat) -> Chat:
    return {"topic": str(state["messages"][-1].text).partition(" ")[0]}


async def answer(state: Chat) -> Chat:
    asked = str(state["messages"][-1].id)
    return {"messages": [AIMessage(words(f"answer to {asked}"), id=f"{asked}-answer")]}


async def note(state: Chat) -> Chat:
    return {"turns": state.get("turns", 0) + 1}


def graph(saver: Saver) -> CompiledStateGraph[Any, Any, Any, Any]:
    """`read -> answer -> note`."""
    builder = StateGraph(Chat)
    names = ("read", "answer", "note")
    for name, node in zip(names, (read, answer, note), strict=True):
        builder.add_node(name, node)
    for before, after in zip((START, *names), (*names, END), strict=True):
        builder.add_edge(before, after)
    return builder.compile(checkpointer=saver)


def words(seed: str, *, characters: int = TEXT) -> str:
    """Random words, the same for the same seed."""
    dice = random.Random(seed)
    text = ""
    while len(text) < characters:
        text += "".join(dice.choices(string.ascii_lowercase, k=dice.randint(3, 9))) + " "
    return text[:characters]


def threads(conversations: int) -> list[str]:
    """The ids of the conversations."""
    return [f"conversation-{number}" for number in range(conversations)]


def question(thread: str, turn: int) -> HumanMessage:
    """What is said in a turn."""
    name = f"{thread}-{turn}"
    return HumanMessage(words(f"question {name}"), id=name)


async def converse(
    saver: Saver, names: Sequence[str], *, turns: int, durability: Durability
) -> None:
    """All conversations at once, each turn after turn."""
    compiled = graph(saver)

    async def talk(thread: str) -> None:
        for turn in range(turns):
            config: RunnableConfig = {
                "configurable": {"thread_id": thread},
                "metadata": {"run_id": f"{thread}-{turn}"},
            }
            given = {"messages": [question(thread, turn)]}
            await compiled.ainvoke(given, config, durability=durability)

    await asyncio.gather(*(talk(thread) for thread in names))
