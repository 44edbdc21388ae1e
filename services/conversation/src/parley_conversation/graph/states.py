"""The states that a checkpointer has kept."""

from __future__ import annotations

from langgraph.types import StateSnapshot

from parley_conversation.graph.loader import Graph
from parley_core.domain.ids import SessionId


class States:
    """A graph's states by session and checkpoint."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    async def at(self, session: SessionId, checkpoint: str) -> StateSnapshot | None:
        """The state at a checkpoint; None if that is not kept."""
        where = {"thread_id": session, "checkpoint_ns": "", "checkpoint_id": checkpoint}
        found = await self._graph.aget_state({"configurable": where})
        # Without the checkpoint there is a snapshot all the same, of nothing.
        return None if found.metadata is None else found
