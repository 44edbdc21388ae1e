from __future__ import annotations

import operator
from typing import Annotated, Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph

from parley_conversation.graph.agent import Agent
from parley_core.domain.ids import SessionId, TurnId


class Done(MessagesState):
    done: Annotated[list[str], operator.add]


class EndsBetween(InMemorySaver):
    """Keeps what the first node wrote, and not the checkpoint of its step."""

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        if metadata["step"] == 1:
            raise ConnectionError("killed")
        return await super().aput(config, checkpoint, metadata, new_versions)


async def first(_: Done) -> dict[str, Any]:
    return {"done": ["first"]}


async def second(_: Done) -> dict[str, Any]:
    return {"messages": [AIMessage("all of it")]}


async def test_a_step_whose_writes_are_kept_and_whose_checkpoint_is_not_is_no_end() -> None:
    """LangGraph names no `next` there: all nodes of the step have written."""
    builder: Any = StateGraph(Done)
    builder.add_sequence([first, second]).add_edge(START, "first")
    graph = builder.compile(checkpointer=EndsBetween())
    config: RunnableConfig = {"configurable": {"thread_id": "s"}, "metadata": {"run_id": "t"}}
    given = {"messages": [HumanMessage("hello", id="t")]}
    with pytest.raises(ConnectionError):
        await graph.ainvoke(given, config, durability="sync")

    snapshot = await Agent(graph, lambda _run: {}).snapshot(SessionId("s"))

    assert (await graph.aget_state(config)).next == ()
    assert snapshot.run_id == "t"
    assert not snapshot.has_finished(TurnId("t"))
