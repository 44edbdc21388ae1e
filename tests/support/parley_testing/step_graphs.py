"""Small graphs whose state is a list of steps, for tests of what a checkpointer does in a run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from operator import add
from typing import Annotated, Any, TypedDict

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import START, StateGraph
from langgraph.graph.state import CompiledStateGraph

Saver = BaseCheckpointSaver[Any]
Graph = CompiledStateGraph[Any, Any, Any, Any]
Builder = StateGraph[Any, Any, Any, Any]
Node = Callable[..., Awaitable[Any]]


class Steps(TypedDict):
    done: Annotated[list[str], add]


class Crash(Exception):
    """Ends a run in the middle."""


def turn(run: str = "turn", **configurable: str) -> RunnableConfig:
    """The config of a run, by default in the thread called "thread"."""
    return {
        "configurable": {"thread_id": "thread", **configurable},
        "metadata": {"run_id": run},
    }


def chain(checkpointer: Saver, *nodes: Node) -> Graph:
    """One node after the other."""
    return sequence(Steps, *nodes).compile(checkpointer=checkpointer)


def sequence(state: type[Any], *nodes: Node) -> Builder:
    graph: Builder = StateGraph(state)
    return graph.add_sequence(nodes).add_edge(START, nodes[0].__name__)


def parallel(*nodes: Node) -> Builder:
    """Nodes without edges yet."""
    graph: Builder = StateGraph(Steps)
    for node in nodes:
        graph.add_node(node)
    return graph


def crash_once() -> Node:
    """A node that works when it runs again."""
    crashes = [Crash()]

    async def second(_: Steps) -> Steps:
        if crashes:
            raise crashes.pop()
        return {"done": ["second"]}

    return second


async def first(_: Steps) -> Steps:
    """A node."""
    return {"done": ["first"]}
