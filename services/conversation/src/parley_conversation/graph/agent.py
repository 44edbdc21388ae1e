"""A graph as the runner sees it: its state between steps, what it streams, how it is ended."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, get_args, get_origin

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.runnables import RunnableConfig

from parley_conversation.domain.answer import Answer, answer_to
from parley_conversation.domain.closing import Closing, as_metadata, from_metadata, remainder
from parley_conversation.domain.resuming import Question
from parley_conversation.domain.said import Role, Said
from parley_conversation.graph import asking, closing
from parley_conversation.graph.loader import Graph
from parley_conversation.graph.messages import as_messages, ids_of, said_since
from parley_conversation.run import Run
from parley_core.domain.events import Mail
from parley_core.domain.ids import SessionId, TurnId

STEPS = 100
"""Supersteps of one turn at most, unless the graph brings its own limit: enough for any agent that
gets somewhere, and an end for one that runs in circles."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A conversation's state at a checkpoint. `run_id` is the turn that wrote it.

    `left`: the nodes of the step that is not done yet. `closed`: how the turn was closed, if it
    did not end by itself.
    """

    checkpoint: str
    run_id: str
    left: tuple[str, ...]
    messages: Sequence[Any]
    context: Mapping[str, Any]
    closed: Closing | None = None

    @property
    def exists(self) -> bool:
        """There is a checkpoint at all."""
        return bool(self.checkpoint)

    @property
    def ids(self) -> frozenset[object]:
        """What its messages are called."""
        return ids_of(self.messages)

    @property
    def ended(self) -> bool:
        return not self.left

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

    @property
    def doing(self) -> tuple[str, ...]:
        """What the graph works on now: nodes, and tools that its model has called."""
        newest = self.messages[-1] if self.messages else None
        calls = newest.tool_calls if isinstance(newest, AIMessage) and self.left else ()
        return (*self.left, *(f"tool:{call['name']}" for call in calls))


@dataclass(frozen=True, slots=True)
class Wrote:
    """A model wrote a piece of a message."""

    message_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Streamed:
    """A node gave something to its stream writer."""

    value: object


class Agent:
    """One graph, for all sessions. `settings` are what a run's writes need in `configurable`."""

    def __init__(self, graph: Graph, settings: Callable[[Run], dict[str, Any]]) -> None:
        self._graph = graph
        self._settings = settings
        self._steps = (graph.config or {}).get("recursion_limit", STEPS)
        self._inputs = frozenset(graph.builder.schemas[graph.builder.input_schema])

    async def snapshot(self, session: SessionId, run: Run | None = None) -> Snapshot:
        """The newest checkpoint, read by a `run` if it is for one; empty if there is none."""
        settings = self._settings(run) if run else {}
        state = await self._graph.aget_state({"configurable": {"thread_id": session, **settings}})
        # Not `next`, which leaves out what has finished in a step that was not completed.
        left = [task.name for task in state.tasks]
        return _snapshot(state.config, state.values, left, state.metadata or {})

    def given(
        self,
        mail: Mail,
        *,
        session: SessionId,
        topic: str,
        before: Sequence[Said],
        now: Snapshot,
        named: bool = False,
    ) -> dict[str, Any]:
        """What the graph is given: `before`, the input, and what else its input has a place for.

        `named`: the input with who said it.

        A topic is given when it is another than the state's, with the rest of the context, so that
        a graph without a reducer for it keeps the rest.
        """
        user = mail.user_id if named else ""
        messages = as_messages([*before, Said(Role.USER, mail.message_id, mail.content, user)])
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
    ) -> AsyncGenerator[Wrote | Streamed | Snapshot, None]:
        """Run or resume the turn: what models write, and the state at each checkpoint.

        `given`: the input, a `Command` that resumes, or None to go on. Raises `GraphDrained` at a
        step's end if a drain was asked for, and whatever a node raises.
        """
        parts: AsyncIterator[Any] = self._graph.astream(
            given,
            {**self._config(run, turn), "recursion_limit": self._steps},
            stream_mode=["messages", "checkpoints", "custom"],
            durability="sync",
            control=run.control,
            subgraphs=True,
        )
        async for namespace, mode, part in parts:
            if mode == "messages" and isinstance(part[0], AIMessageChunk):
                yield _wrote(part[0])
            elif mode == "custom":
                yield Streamed(part)
            elif mode == "checkpoints" and not namespace:
                yield _snapshot(part["config"], part["values"], part["next"], {"run_id": turn})

    async def questions(self, session: SessionId) -> tuple[Question, ...]:
        """What the turn asks and waits for."""
        return await asking.questions(self._graph, {"configurable": {"thread_id": session}})

    async def close(
        self, run: Run, *, turn: TurnId, how: Closing, content: str | None, written: str
    ) -> Snapshot:
        """End a turn that does not end by itself; the state after it. Closing twice is harmless.

        `content`: of its input, if it is known; `written`: the answer as far as it was streamed.
        """
        session, config = run.lease.session, self._config(run, turn, **as_metadata(how))
        now = await self.snapshot(session, run)
        if now.left or now.run_id != turn or now.closed is None:
            await closing.clear(self._graph, config)
            now = await self.snapshot(session)
        rest = remainder(written, now.answer_to(turn).text)
        lacking = closing.missing(now.messages, turn=turn, content=content, rest=rest)
        if lacking:
            await closing.add(self._graph, config, lacking)
            now = await self.snapshot(session)
        return now

    async def rewind(self, run: Run, *, turn: TurnId, to: str) -> None:
        """Forget all that a turn did: the conversation is as it was at the checkpoint `to`."""
        await closing.rewind(self._graph, self._config(run, turn), to=to)

    def _config(self, run: Run, turn: TurnId, **metadata: str) -> RunnableConfig:
        return {
            "configurable": {"thread_id": run.lease.session, **self._settings(run)},
            "metadata": {"run_id": turn, **metadata},
        }


def _holds_mapping(graph: Graph, channel: str) -> bool:
    kind = getattr(graph.channels.get(channel), "ValueType", None)
    if get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    kind = get_origin(kind) or kind
    return isinstance(kind, type) and issubclass(kind, Mapping)


def _wrote(chunk: BaseMessage) -> Wrote:
    return Wrote(chunk.id or "", str(chunk.text))


def _snapshot(
    config: RunnableConfig,
    values: Mapping[str, Any],
    left: Sequence[str],
    metadata: Mapping[str, Any],
) -> Snapshot:
    context = values.get("context")
    return Snapshot(
        checkpoint=config.get("configurable", {}).get("checkpoint_id", ""),
        run_id=metadata.get("run_id", ""),
        left=tuple(left),
        messages=values.get("messages", ()),
        context=context if isinstance(context, Mapping) else {},
        closed=from_metadata(metadata),
    )
