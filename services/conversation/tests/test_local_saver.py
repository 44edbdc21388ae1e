"""Checkpoints in memory, and when they are too old to go on from."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.graph.state import CompiledStateGraph

from parley_conversation import local_saver
from parley_conversation.local_saver import LocalSaver, Newest
from parley_core.domain.ids import SessionId

THREAD = "33a"


class Worker:
    """A graph with a saver of its own; what the log says is shared."""

    def __init__(self, log: dict[str, Newest]) -> None:
        self._log = log
        self.saver = LocalSaver(self._newest)
        graph = StateGraph(MessagesState)
        graph.add_node("answer", answer)
        graph.add_edge(START, "answer")
        graph.add_edge("answer", END)
        self.graph: CompiledStateGraph[Any, Any, Any, Any] = graph.compile(checkpointer=self.saver)

    async def _newest(self, session: SessionId) -> Newest:
        return self._log[session]

    async def remembers(self, thread: str = THREAD) -> list[str]:
        state = await self.graph.aget_state(at(thread))
        return [message.text for message in state.values.get("messages", [])]

    async def answers(self, text: str, *, thread: str = THREAD, commits: bool = True) -> None:
        await self.graph.ainvoke({"messages": [HumanMessage(text)]}, at(thread))
        state = await self.graph.aget_state(at(thread))
        if commits:
            checkpoint = state.config["configurable"]["checkpoint_id"]
            self._log[thread] = Newest(self._log[thread].epoch, checkpoint)


async def answer(state: MessagesState) -> dict[str, Any]:
    return {"messages": [AIMessage("well")]}


def at(thread: str) -> Any:
    return {"configurable": {"thread_id": thread}}


@pytest.fixture
def log() -> dict[str, Newest]:
    return {THREAD: Newest("1-a", "")}


async def test_a_worker_remembers_what_it_answered(log: dict[str, Newest]) -> None:
    worker = Worker(log)

    await worker.answers("one")
    await worker.answers("two")

    assert await worker.remembers() == ["one", "well", "two", "well"]


async def test_what_another_worker_answered_since_outdates_it(log: dict[str, Newest]) -> None:
    worker, other = Worker(log), Worker(log)
    await worker.answers("one")
    await other.answers("two")

    assert await worker.remembers() == []
    await worker.answers("three")
    assert await worker.remembers() == ["three", "well"]
    assert await other.remembers() == []


async def test_a_turn_that_was_rebuilt_is_not_forgotten_before_its_commit(
    log: dict[str, Newest],
) -> None:
    worker, other = Worker(log), Worker(log)
    await worker.answers("one")
    await other.answers("two")

    await worker.answers("three", commits=False)

    assert await worker.remembers() == ["three", "well"]


async def test_a_first_turn_that_has_no_commit_yet_is_remembered(log: dict[str, Newest]) -> None:
    worker = Worker(log)

    await worker.answers("one", commits=False)

    assert await worker.remembers() == ["one", "well"]


async def test_a_clear_on_another_worker_outdates_it(log: dict[str, Newest]) -> None:
    worker = Worker(log)
    await worker.answers("one")

    log[THREAD] = Newest("2-b", "")

    assert await worker.remembers() == []


async def test_an_earlier_checkpoint_is_read_without_a_question(log: dict[str, Newest]) -> None:
    worker = Worker(log)
    await worker.answers("one")
    first = log.pop(THREAD).checkpoint

    where = {"thread_id": THREAD, "checkpoint_ns": "", "checkpoint_id": first}
    state = await worker.graph.aget_state({"configurable": where})

    assert len(state.values["messages"]) == 2


async def test_only_so_many_threads_are_remembered(
    log: dict[str, Newest], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_saver, "MOST_THREADS", 2)
    worker = Worker(log)
    for thread in ("33a", "33b", "33c"):
        log[thread] = Newest("1-a", "")
        await worker.answers("one", thread=thread)

    assert set(worker.saver.storage) == {"33b", "33c"}
