"""Turns that end before they are done: what stays of them, and that the next one is valid."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage
from langgraph.graph import END, START, MessagesState, StateGraph

from parley_core.domain.client_frames import Strategy
from parley_core.domain.codes import ErrorCode
from parley_core.domain.errors import Refused
from parley_core.domain.ids import TurnId
from parley_core.domain.server_frames import Error, Text
from parley_testing.desk import WRITES, Desk
from parley_testing.models import StrictModel, Word
from parley_testing.talk import Talk

Builder = StateGraph[Any, Any, Any, Any]


def strict(*script: AIMessage | Word) -> Builder:
    """A model that refuses what strict providers refuse, and two tools, one of which hangs."""
    model = StrictModel(script=list(script))

    async def ask(state: MessagesState) -> dict[str, Any]:
        return {"messages": [await model.ainvoke(state["messages"])]}

    async def quick(state: MessagesState) -> dict[str, Any]:
        return {"messages": [ToolMessage("found", tool_call_id="quick")]}

    async def hangs(state: MessagesState) -> dict[str, Any]:
        await asyncio.Event().wait()
        return {}

    def route(state: MessagesState) -> list[str]:
        calls = state["messages"][-1].tool_calls  # type: ignore[union-attr]
        return [call["name"] for call in calls] or [END]

    graph = StateGraph(MessagesState)
    for node in (ask, quick, hangs):
        graph.add_node(node)
    graph.add_edge(START, "ask")
    graph.add_conditional_edges("ask", route, ["quick", "hangs", END])
    graph.add_edge("quick", "ask")
    graph.add_edge("hangs", "ask")
    return graph


def no_tools(old: list[AnyMessage], new: list[AnyMessage]) -> list[AnyMessage]:
    if any(isinstance(each, ToolMessage) for each in new):
        raise ValueError("no tools here")
    return [*old, *new]


class Picky(TypedDict):
    """A state that refuses what closes a turn."""

    messages: Annotated[list[AnyMessage], no_tools]


CALLS = AIMessage(
    "Let me look.",
    tool_calls=[
        {"name": "quick", "args": {}, "id": "quick"},
        {"name": "hangs", "args": {}, "id": "hangs"},
    ],
)


async def messages(desk: Desk, talk: Talk, builder: Builder) -> list[AnyMessage]:
    return list((await desk.agent(builder).snapshot(talk.session)).messages)


async def test_a_cancelled_turn_ends_with_what_was_written(desk: Desk, talk: Talk) -> None:
    graph = strict(Word("slowly and ", hangs=True))
    turn = await talk.say("go")
    run = desk.begin(desk.agent(graph), await desk.claim())
    await talk.first_delta(turn)

    await talk.cancel()
    await desk.stop(run)

    end = await talk.end_of(turn)
    assert isinstance(end, Text)
    assert (end.content, end.finish) == ("slowly and ", "cancelled")
    assert end.content.startswith(talk.streamed(turn))
    assert talk.turns[-1].status == "cancelled"
    assert [m.text for m in await messages(desk, talk, graph)] == ["go", "slowly and "]


async def test_after_a_cancelled_turn_a_strict_provider_takes_the_next_one(
    desk: Desk, talk: Talk
) -> None:
    graph = strict(CALLS, AIMessage("Fine."))
    agent = desk.agent(graph)
    turn = await talk.say("look it up")
    run = desk.begin(agent, await desk.claim())
    await talk.node("hangs")

    await talk.cancel(turn)
    await desk.stop(run)
    answer = await talk.say("never mind")
    await desk.serve(agent)

    assert await talk.answer_to(answer) == "Fine."
    said = await messages(desk, talk, graph)
    # What the finished tool had found is not lost.
    assert [type(each) for each in said] == [
        *(HumanMessage, AIMessage, ToolMessage, ToolMessage, AIMessage),
        *(HumanMessage, AIMessage),
    ]
    assert next(each.text for each in said if isinstance(each, ToolMessage)) == "found"


async def test_a_text_that_interrupts_ends_the_turn_and_runs_then(desk: Desk, talk: Talk) -> None:
    agent = desk.agent(strict(Word("on and on ", hangs=True), AIMessage("Yes?")))
    first = await talk.say("talk")
    run = desk.begin(agent, await desk.claim())
    await talk.first_delta(first)

    second = await talk.say("stop", strategy=Strategy.INTERRUPT)
    await desk.stop(run)
    await desk.serve(agent)

    end = await talk.end_of(first)
    assert isinstance(end, Text)
    assert end.finish == "cancelled"
    assert await talk.answer_to(second) == "Yes?"


async def test_a_text_that_rolls_back_leaves_nothing_of_the_turn(desk: Desk, talk: Talk) -> None:
    graph = strict(AIMessage("Hello."), CALLS, AIMessage("So be it."))
    agent = desk.agent(graph)
    await talk.say("hi")
    await desk.serve(agent)
    first = await talk.say("look it up")
    run = desk.begin(agent, await desk.claim())
    await talk.node("hangs")

    second = await talk.say("no, this", strategy=Strategy.ROLLBACK)
    await desk.stop(run)
    await desk.serve(agent)

    end = await talk.end_of(first)
    assert isinstance(end, Error)
    assert (end.code, end.turn_id) == (ErrorCode.TURN_ROLLED_BACK, first)
    assert await talk.answer_to(second) == "So be it."
    said = [each.text for each in await messages(desk, talk, graph)]
    assert said == ["hi", "Hello.", "no, this", "So be it."]


async def test_the_first_turn_of_a_conversation_can_be_rolled_back(desk: Desk, talk: Talk) -> None:
    graph = strict(CALLS, AIMessage("So be it."))
    agent = desk.agent(graph)
    await talk.say("look it up")
    run = desk.begin(agent, await desk.claim())
    await talk.node("hangs")

    await talk.say("no, this", strategy=Strategy.ROLLBACK)
    await desk.stop(run)
    await desk.serve(agent)

    said = [each.text for each in await messages(desk, talk, graph)]
    assert said == ["no, this", "So be it."]


async def test_a_turn_that_was_cancelled_before_it_began_runs_nothing(
    desk: Desk, talk: Talk
) -> None:
    graph = strict(AIMessage("Yes?"))
    agent = desk.agent(graph)
    first = await talk.say("go")
    await talk.cancel(first)
    await desk.serve(agent)

    second = await talk.say("hello?")
    await desk.serve(agent)

    end = await talk.end_of(first)
    assert isinstance(end, Text)
    assert (end.content, end.finish) == ("", "cancelled")
    assert await talk.answer_to(second) == "Yes?"
    assert [m.text for m in await messages(desk, talk, graph)] == ["go", "…", "hello?", "Yes?"]


async def test_a_successor_closes_what_its_predecessor_was_told_to_stop(
    desk: Desk, talk: Talk
) -> None:
    graph = strict(Word("half ", hangs=True), AIMessage("Yes?"))
    agent = desk.agent(graph)
    turn = await talk.say("go")
    run = desk.begin(agent, await desk.claim())
    await talk.first_delta(turn)
    run.lose()
    await desk.ended()
    await desk.evict()

    await talk.cancel()
    await desk.serve(agent)

    end = await talk.end_of(turn)
    assert isinstance(end, Text)
    assert (end.content, end.finish) == ("half ", "cancelled")
    assert [m.text for m in await messages(desk, talk, graph)] == ["go", "half "]


@pytest.mark.parametrize("steps", range(1, 4))
async def test_closing_may_die_after_any_of_its_steps(desk: Desk, talk: Talk, steps: int) -> None:
    graph = strict(CALLS, AIMessage("Fine."))
    agent = desk.agent(graph)
    turn = await talk.say("look it up")
    run = desk.begin(agent, await desk.claim())
    await talk.node("hangs")
    await talk.cancel()
    with desk.dying(at=steps, calls=WRITES, after=True):
        await desk.stop(run)
    await desk.evict()

    await desk.serve(agent)
    after = await talk.say("and now?")
    await desk.serve(agent)

    end = await talk.end_of(turn)
    assert isinstance(end, Text)
    assert end.finish == "cancelled"
    assert await talk.answer_to(after) == "Fine."
    ids = [each.id for each in await messages(desk, talk, graph)]
    assert len(set(ids)) == len(ids) == 7


async def test_a_turn_that_failed_is_closed_so_that_the_next_one_is_valid(
    desk: Desk, talk: Talk
) -> None:
    graph = strict(CALLS, AIMessage("Fine."))
    agent = desk.agent(graph)
    turn = await talk.say("look it up")
    desk.begin(agent, await desk.claim(), timeout=0.5)
    await desk.ended()

    after = await talk.say("never mind")
    await desk.serve(agent)

    assert "too long" in (await talk.failure_of(turn)).message
    assert await talk.answer_to(after) == "Fine."


async def test_an_endless_answer_is_cut_and_its_turn_ends(desk: Desk, talk: Talk) -> None:
    graph = strict(Word("x" * 100_000, repeats=True), AIMessage("Yes?"))
    agent = desk.agent(graph)
    turn = await talk.say("go")
    await desk.serve(agent)

    after = await talk.say("hello?")
    await desk.serve(agent)

    end = await talk.end_of(turn)
    assert isinstance(end, Text)
    assert (len(end.content), end.finish) == (262_144, "length")
    assert await talk.answer_to(after) == "Yes?"


async def test_a_graph_that_cannot_be_closed_blocks_nobody(desk: Desk, talk: Talk) -> None:
    said: list[int] = []

    async def call(state: Picky) -> dict[str, Any]:
        said.append(1)
        return {"messages": [CALLS if len(said) == 1 else AIMessage("Fine.")]}

    async def hang(state: Picky) -> dict[str, Any]:
        await asyncio.sleep(30 if len(said) == 1 else 0)
        return {}

    graph = StateGraph(Picky)
    graph.add_node(call)
    graph.add_node(hang)
    graph.add_edge(START, "call")
    graph.add_edge("call", "hang")
    agent = desk.agent(graph)
    turn = await talk.say("go")
    run = desk.begin(agent, await desk.claim())
    await talk.node("hang")
    await talk.cancel()
    await desk.stop(run)

    after = await talk.say("again")
    await desk.serve(agent)

    assert isinstance(await talk.end_of(turn), Text)
    assert await talk.answer_to(after) == "Fine."


async def test_a_turn_that_has_ended_cannot_be_cancelled(desk: Desk, talk: Talk) -> None:
    turn = await talk.say("hi")
    await desk.serve(desk.agent(strict(AIMessage("Hello."))))

    with pytest.raises(Refused) as refusal:
        await talk.cancel(turn)

    assert refusal.value.code is ErrorCode.TURN_ENDED


async def test_a_stop_that_came_before_the_commit_wins(desk: Desk, talk: Talk) -> None:
    agent = desk.agent(strict(AIMessage("Hello.")))
    turn = await talk.say("hi")
    await desk.run_without_commit(agent)
    await talk.cancel(TurnId(turn))

    await desk.serve(agent)

    end = await talk.end_of(turn)
    assert isinstance(end, Text)
    assert (end.content, end.finish) == ("Hello.", "cancelled")
