"""A graph of six steps whose nodes write down that they ran: `parley_testing.steps:six_steps`."""

from __future__ import annotations

import asyncio
import operator
import random
from typing import Annotated, Any, TypedDict

from langchain_core.messages import AIMessage, AnyMessage
from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages

from parley_testing.journal import written

NODES = ("first", "second", "quick", "slow", "fourth", "fifth", "sixth")
"""`quick` and `slow` are the two branches of the third step."""
_SECONDS = {"quick": (0.2, 0.2), "slow": (1.0, 1.0)}
"""How long a node takes, by chance between the two; the others 0.2 to 1 s."""


class Steps(TypedDict, total=False):
    """`done`: the nodes that have run, as `turn/node`."""

    messages: Annotated[list[AnyMessage], add_messages]
    done: Annotated[list[str], operator.add]


def name_of(turn: str, node: str) -> str:
    """A node of a turn, as `done` has it."""
    return f"{turn}/{node}"


def six_steps() -> StateGraph[Steps, None, Steps, Steps]:
    """`first, second, quick | slow, fourth, fifth, sixth`; the answer names all that ran."""
    builder = StateGraph(Steps)
    for node in NODES:
        builder.add_node(node, _step(node))
    builder.add_edge(START, "first")
    builder.add_edge("first", "second")
    builder.add_edge("second", "quick")
    builder.add_edge("second", "slow")
    builder.add_edge(["quick", "slow"], "fourth")
    builder.add_edge("fourth", "fifth")
    builder.add_edge("fifth", "sixth")
    builder.add_edge("sixth", END)
    return builder


def _step(node: str) -> Any:
    async def run(state: Steps, config: RunnableConfig) -> Steps:
        turn = config["metadata"]["run_id"]
        async with written(node, config):
            seconds = random.Random(name_of(turn, node)).uniform(*_SECONDS.get(node, (0.2, 1.0)))
            await asyncio.sleep(seconds)
        if node != NODES[-1]:
            return {"done": [name_of(turn, node)]}
        before = [each.split("/")[1] for each in state["done"] if each.startswith(f"{turn}/")]
        said = AIMessage(" ".join([*before, node]))
        return {"done": [name_of(turn, node)], "messages": [said]}

    return run
