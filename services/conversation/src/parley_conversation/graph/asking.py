"""What a graph asks and waits for."""

from __future__ import annotations

from langchain_core.runnables import RunnableConfig

from parley_conversation.domain.resuming import Question
from parley_conversation.graph.loader import Graph


async def questions(graph: Graph, config: RunnableConfig) -> tuple[Question, ...]:
    """Those of the newest checkpoint, in the order of their tasks."""
    state = await graph.aget_state(config)
    return tuple(Question(each.id, each.value) for each in state.interrupts)
