"""Closes a turn: its graph has nothing left to do, and its messages are valid for any provider.

Three steps, each of which may be repeated. What is pending is cleared, together with what siblings
of it had finished; the messages that are missing are kept as input of the next step; that step is
taken. None of a user's nodes or edges runs: what closes a broken turn must not break by it. Both
checkpoints say in their metadata how the turn was closed, so that a successor commits the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol, runtime_checkable

from langchain_core.messages import (
    AIMessage,
    AnyMessage,
    BaseMessage,
    HumanMessage,
    ToolMessage,
    convert_to_messages,
)
from langchain_core.runnables import RunnableConfig
from langgraph.channels import BinaryOperatorAggregate, DeltaChannel
from langgraph.graph import END

from parley_conversation.domain.closing import SILENCE, closing_id
from parley_conversation.graph.loader import Graph
from parley_core.domain.ids import TurnId

NULL_TASK = "00000000-0000-0000-0000-000000000000"
"""LangGraph's name for writes that are no task's: the input of a step."""
NOT_RUN = "This was not done: the turn was stopped."


async def clear(graph: Graph, config: RunnableConfig) -> None:
    """Nothing is left to run; what finished tasks had written is in the state."""
    await graph.aupdate_state(config, None, as_node=END)


async def add(graph: Graph, config: RunnableConfig, messages: Sequence[AnyMessage]) -> None:
    """Put messages at the end of a conversation that has nothing left to run.

    `config` names the thread, and in its metadata the run, and no checkpoint.
    """
    state = await graph.aget_state(config)
    held = state.values.get("messages", [])
    value = list(messages) if _appends(graph) else [*held, *messages]
    at = {**config["configurable"], **state.config["configurable"]}
    await graph.checkpointer.aput_writes(  # type: ignore[union-attr]  # `load_graph` gave it one
        {"configurable": at}, [("messages", value)], NULL_TASK
    )
    await clear(graph, config)


def missing(
    messages: Sequence[Any], *, turn: TurnId, content: str | None, rest: str
) -> list[AnyMessage]:
    """What a closed turn lacks: its input, results of open tool calls, an answer.

    `content` is the input's, if it is known; `rest` is what was written and is not there yet. A
    message that is there already is never missing, so that closing twice changes nothing.
    """
    messages = convert_to_messages(list(messages))
    ids = {each.id for each in messages}
    lacking: list[AnyMessage] = []
    if content is not None and turn not in ids:
        lacking.append(HumanMessage(content, id=turn))
    lacking += [
        ToolMessage(NOT_RUN, tool_call_id=call, id=f"closed-{call}", status="error")
        for call in _open_calls(messages)
    ]
    answer = closing_id(turn)
    if answer not in ids and (rest or lacking or not _ends_with_answer(messages)):
        lacking.append(AIMessage(rest or SILENCE, id=answer))
    return lacking


def _open_calls(messages: Iterable[BaseMessage]) -> list[str]:
    calls: dict[str, None] = {}
    for each in messages:
        if isinstance(each, AIMessage):
            calls.update((str(call["id"]), None) for call in each.tool_calls)
        elif isinstance(each, ToolMessage):
            calls.pop(each.tool_call_id, None)
    return list(calls)


def _ends_with_answer(messages: Sequence[BaseMessage]) -> bool:
    newest = messages[-1] if messages else None
    return isinstance(newest, AIMessage) and not newest.tool_calls


def _appends(graph: Graph) -> bool:
    """Whether `messages` takes news; otherwise it takes the whole list."""
    return isinstance(graph.channels.get("messages"), BinaryOperatorAggregate | DeltaChannel)


@runtime_checkable
class Rewinds(Protocol):
    """A checkpointer that can forget what came after a checkpoint."""

    async def arewind(self, config: RunnableConfig) -> None:
        """Delete all that is newer than the checkpoint of `config`; without one, everything."""


async def rewind(graph: Graph, config: RunnableConfig, *, to: str) -> None:
    """The conversation as it was at the checkpoint `to`; empty: as before its first one."""
    saver: Any = graph.checkpointer
    at = {**config["configurable"], "checkpoint_ns": "", "checkpoint_id": to}
    if isinstance(saver, Rewinds):
        await saver.arewind({"configurable": at})
    elif to:
        # Another checkpointer keeps what was, behind a copy of the older state.
        await graph.aupdate_state({"configurable": at}, None, as_node=END)
    else:
        await saver.adelete_thread(at["thread_id"])
