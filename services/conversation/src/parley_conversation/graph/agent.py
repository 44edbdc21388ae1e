"""A graph as the runner sees it: its state between steps, and what it streams."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, get_args, get_origin

from langchain_core.messages import AIMessageChunk, BaseMessage, HumanMessage
from langchain_core.runnables import RunnableConfig

from parley_conversation.domain.answer import Answer, answer_to
from parley_conversation.domain.said import Said
from parley_conversation.graph.loader import Graph
from parley_conversation.graph.messages import as_messages, said_since
from parley_conversation.run import Run
from parley_core.domain.events import Mail
from parley_core.domain.ids import SessionId, TurnId

STEPS = 100
"""Supersteps of one turn at most, unless the graph brings its own limit: enough for any agent that
gets somewhere, and an end for one that runs in circles."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A conversation's state at a checkpoint. `run_id` is the turn that wrote it."""

    checkpoint: str
    run_id: str
    ended: bool
    messages: Sequence[Any]
    context: Mapping[str, Any]

    @property
    def exists(self) -> bool:
        """There is a checkpoint at all."""
        return bool(self.checkpoint)

    def has_finished(self, turn: TurnId) -> bool:
        """The turn has run to its end, whether or not it was committed."""
        return self.ended and self.run_id == turn

    def answer_to(self, turn: TurnId) -> Answer:
        """What the turn has answered so far."""
        said = said_since(self.messages, turn)
        if not self.ended and not any(each.id == turn for each in said):
            # The first checkpoint of a turn comes before its input is in the state: what stands
            # there is an older turn's.
            said = ()
        return answer_to(turn, said)


@dataclass(frozen=True, slots=True)
class Wrote:
    """A model wrote a piece of a message."""

    message_id: str
    text: str


class Agent:
    """One graph, for all sessions. `settings` are what a run's writes need in `configurable`."""

    def __init__(self, graph: Graph, settings: Callable[[Run], dict[str, Any]]) -> None:
        self._graph = graph
        self._settings = settings
        self._steps = (graph.config or {}).get("recursion_limit", STEPS)
        self._inputs = frozenset(graph.builder.schemas[graph.builder.input_schema])

    async def snapshot(self, session: SessionId) -> Snapshot:
        """The newest checkpoint; an empty one if the conversation has none."""
        state = await self._graph.aget_state({"configurable": {"thread_id": session}})
        metadata: Mapping[str, Any] = state.metadata or {}
        return _snapshot(state.config, state.values, state.next, run_id=metadata.get("run_id", ""))

    def given(
        self, mail: Mail, *, session: SessionId, topic: str, before: Sequence[Said], now: Snapshot
    ) -> dict[str, Any]:
        """What the graph is given: `before`, the input, and what else its input has a place for.

        A topic is given when it is another than the state's, with the rest of the context, so that
        a graph without a reducer for it keeps the rest.
        """
        messages = [*as_messages(before), HumanMessage(mail.content, id=mail.message_id)]
        values: dict[str, Any] = {
            "messages": messages,
            "user_id": mail.user_id,
            "session_id": session,
        }
        if topic != now.context.get("topic", "") and _holds_mapping(self._graph, "context"):
            values["context"] = {**now.context, "topic": topic}
        return {name: value for name, value in values.items() if name in self._inputs}

    async def stream(
        self, run: Run, *, turn: TurnId, given: object
    ) -> AsyncIterator[Wrote | Snapshot]:
        """Run or resume the turn: what models write, and the state at each checkpoint.

        Raises `GraphDrained` at a step's end if a drain was asked for, and whatever a node raises.
        """
        config: RunnableConfig = {
            "configurable": {"thread_id": run.lease.session, **self._settings(run)},
            "metadata": {"run_id": turn},
            "recursion_limit": self._steps,
        }
        parts: AsyncIterator[Any] = self._graph.astream(
            given,
            config,
            stream_mode=["messages", "checkpoints"],
            durability="sync",
            control=run.control,
            subgraphs=True,
        )
        async for namespace, mode, part in parts:
            if mode == "messages" and isinstance(part[0], AIMessageChunk):
                yield _wrote(part[0])
            elif mode == "checkpoints" and not namespace:
                yield _snapshot(part["config"], part["values"], part["next"], run_id=turn)


def _holds_mapping(graph: Graph, channel: str) -> bool:
    kind = getattr(graph.channels.get(channel), "ValueType", None)
    if get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    kind = get_origin(kind) or kind
    return isinstance(kind, type) and issubclass(kind, Mapping)


def _wrote(chunk: BaseMessage) -> Wrote:
    return Wrote(chunk.id or "", str(chunk.text))


def _snapshot(
    config: RunnableConfig, values: Mapping[str, Any], left: Sequence[str], *, run_id: str
) -> Snapshot:
    context = values.get("context")
    return Snapshot(
        checkpoint=config.get("configurable", {}).get("checkpoint_id", ""),
        run_id=run_id,
        ended=not left,
        messages=values.get("messages", ()),
        context=context if isinstance(context, Mapping) else {},
    )
