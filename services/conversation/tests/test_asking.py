"""Graphs that ask: several questions at once, answered on any worker, over crashes in between."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import interrupt

from parley_core.domain.errors import Refused
from parley_core.domain.events import MailKind
from parley_core.domain.server_frames import InputRequest, Text
from parley_core.redis.client import RedisClient
from parley_core.redis.keys import Keys
from parley_testing.desk import Desk
from parley_testing.models import refuse_invalid
from parley_testing.talk import Talk

Builder = StateGraph[Any, Any, Any, Any]


def asking(*names: str, ran: list[str] | None = None) -> Builder:
    """A node for each name, all at once; each asks what it is called, and says what it was told."""
    graph = StateGraph(MessagesState)

    def node(name: str) -> Any:
        async def asks(state: MessagesState) -> dict[str, Any]:
            answer = interrupt(f"{name}?")
            if ran is not None:
                ran.append(name)
            return {"messages": [AIMessage(f"{name}: {answer}")]}

        return asks

    for name in names:
        graph.add_node(name, node(name))
        graph.add_edge(START, name)
        graph.add_edge(name, END)
    return graph


async def twice(state: MessagesState) -> dict[str, Any]:
    return {"messages": [AIMessage(f"{interrupt('first?')}, {interrupt('second?')}")]}


def twice_asking() -> Builder:
    graph = StateGraph(MessagesState)
    graph.add_node(twice)
    graph.add_edge(START, "twice")
    return graph


def by_words(questions: dict[str, object]) -> dict[object, str]:
    return {value: interrupt_id for interrupt_id, value in questions.items()}


async def test_a_question_waits_and_its_answer_goes_to_the_graph(desk: Desk, talk: Talk) -> None:
    agent = desk.agent(asking("a"))
    turn = await talk.say("go")
    await desk.serve(agent)
    ((interrupt_id, value),) = (await talk.question()).items()

    await talk.reply(interrupt_id, {"yes": [1]})
    await desk.serve(agent)

    assert value == "a?"
    assert await talk.answer_to(turn) == "a: {'yes': [1]}"
    kinds = [(type(frame), getattr(frame, "role", "")) for frame in await talk.log()]
    assert kinds == [(Text, "user"), (InputRequest, ""), (Text, "user"), (Text, "assistant")]


async def test_nothing_is_held_while_people_think(desk: Desk, talk: Talk) -> None:
    await talk.say("go")

    await desk.serve(desk.agent(asking("a")))

    assert await desk.held() == 0
    assert await desk.waits_for_nobody()


async def test_three_questions_are_answered_in_any_order_and_no_node_runs_twice(
    desk: Desk, talk: Talk
) -> None:
    ran: list[str] = []
    agent = desk.agent(asking("a", "b", "c", ran=ran))
    turn = await talk.say("go")
    await desk.serve(agent)
    ids = by_words(await talk.question())

    await talk.reply(ids["b?"], 1)
    await desk.serve(agent)
    await talk.reply(ids["c?"], 2)
    await talk.reply(ids["a?"], 3)
    await desk.serve(agent)

    assert set(await talk.question(times=2)) == {ids["a?"], ids["c?"]}
    assert sorted((await talk.answer_to(turn)).split("\n\n")) == ["a: 3", "b: 1", "c: 2"]
    assert sorted(ran) == ["a", "b", "c"]


async def test_an_answer_that_comes_while_the_turn_runs_is_not_lost(desk: Desk, talk: Talk) -> None:
    agent = desk.agent(asking("a", "b"))
    turn = await talk.say("go")
    await desk.serve(agent)
    ids = by_words(await talk.question())
    await talk.reply(ids["a?"], 1)
    lease = await desk.claim()

    await talk.reply(ids["b?"], 2)
    desk.begin(agent, lease)
    await desk.ended()
    await desk.serve_what_is_left(agent)

    assert sorted((await talk.answer_to(turn)).split("\n\n")) == ["a: 1", "b: 2"]


async def test_one_node_may_ask_again(desk: Desk, talk: Talk) -> None:
    agent = desk.agent(twice_asking())
    turn = await talk.say("go")
    await desk.serve(agent)
    for number, answer in enumerate(["one", "two"], start=1):
        (interrupt_id,) = await talk.question(times=number)
        await talk.reply(interrupt_id, answer)
        await desk.serve(agent)

    assert await talk.answer_to(turn) == "one, two"


async def test_an_answer_is_never_given_to_the_next_question(desk: Desk, talk: Talk) -> None:
    """The worker dies when the second question is in the checkpoint and not yet in the log."""
    agent = desk.agent(twice_asking())
    turn = await talk.say("go")
    await desk.serve(agent)
    (interrupt_id,) = await talk.question()
    await talk.reply(interrupt_id, "one")
    with desk.dying(at=1, calls=["wait"]):
        await desk.serve(agent)
    await desk.evict()

    await desk.serve(agent)
    ((second_id, second),) = (await talk.question(times=2)).items()
    await talk.reply(second_id, "two")
    await desk.serve(agent)

    # Each question of a node has an interrupt of its own: a fact of LangGraph that this stands on.
    assert (second, second_id != interrupt_id) == ("second?", True)
    assert await talk.answer_to(turn) == "one, two"


async def test_an_answer_survives_the_worker_that_had_it(desk: Desk, talk: Talk) -> None:
    ran: list[str] = []
    agent = desk.agent(asking("a", ran=ran))
    turn = await talk.say("go")
    await desk.serve(agent)
    (interrupt_id,) = await talk.question()
    await talk.reply(interrupt_id, "yes")
    with desk.dying(at=1, calls=["commit"]):
        await desk.serve(agent)
    await desk.evict()

    await desk.serve(agent)

    assert await talk.answer_to(turn) == "a: yes"
    assert ran == ["a"]


async def test_a_text_ends_a_turn_that_waits_and_runs_then(desk: Desk, talk: Talk) -> None:
    agent = desk.agent(asking("a"))
    first = await talk.say("go")
    await desk.serve(agent)
    second = await talk.say("something else")
    await desk.serve(agent)
    await desk.serve(agent)
    (interrupt_id,) = await talk.question(times=2)
    await talk.reply(interrupt_id, "yes")
    await desk.serve(agent)

    end = await talk.end_of(first)
    assert isinstance(end, Text)
    assert (end.content, end.finish) == ("", "cancelled")
    assert await talk.answer_to(second) == "a: yes"


async def test_a_text_of_a_plain_client_is_the_answer(desk: Desk, talk: Talk) -> None:
    agent = desk.agent(asking("a"))
    turn = await talk.say("go")
    await desk.serve(agent)

    await talk.say("as you like", plain=True)
    await desk.serve(agent)

    assert await talk.answer_to(turn) == "a: as you like"


async def test_a_question_can_be_cancelled(desk: Desk, talk: Talk) -> None:
    agent = desk.agent(asking("a"))
    turn = await talk.say("go")
    await desk.serve(agent)
    (interrupt_id,) = await talk.question()

    await talk.cancel()
    await desk.serve(agent)

    end = await talk.end_of(turn)
    assert isinstance(end, Text)
    assert end.finish == "cancelled"
    with pytest.raises(Refused):
        await talk.reply(interrupt_id, "yes")


async def test_an_answer_to_a_checkpoint_that_is_gone_fails_in_one_sentence(
    desk: Desk, talk: Talk
) -> None:
    agent = desk.agent(asking("a"))
    turn = await talk.say("go")
    await desk.serve(agent)
    (interrupt_id,) = await talk.question()
    await desk.forget()

    await talk.reply(interrupt_id, "yes")
    await desk.serve(agent)

    assert "does not wait" in (await talk.failure_of(turn)).message


async def test_after_a_clear_nothing_is_asked_any_more(desk: Desk, talk: Talk) -> None:
    agent = desk.agent(asking("a"))
    await talk.say("go")
    await desk.serve(agent)
    (interrupt_id,) = await talk.question()
    await talk.command(MailKind.CLEAR)
    await desk.serve(agent)

    with pytest.raises(Refused):
        await talk.reply(interrupt_id, "yes")

    assert await desk.waits_for_nobody()


async def test_a_breakpoint_that_nobody_can_answer_fails_its_turn(desk: Desk, talk: Talk) -> None:
    async def node(state: MessagesState) -> dict[str, Any]:
        await asyncio.sleep(0)
        return {"messages": [AIMessage("never")]}

    graph = StateGraph(MessagesState)
    graph.add_node("node", node)
    graph.add_edge(START, "node")
    turn = await talk.say("go")

    await desk.serve(desk.agent(graph, interrupt_before=["node"]))

    assert "halted" in (await talk.failure_of(turn)).message


async def test_an_older_turn_that_nobody_closed_is_closed_before_the_next_one(
    desk: Desk, talk: Talk, redis_client: RedisClient, keys: Keys
) -> None:
    agent = desk.agent(asking("a"))
    await talk.say("go")
    await desk.serve(agent)
    # As in a fork that was made at the question: its checkpoint, and no turn.
    meta = keys.session(talk.session).meta
    await redis_client.command("HDEL", meta, "turn", "status", "asks", key=meta)

    turn = await talk.say("hello")
    await desk.serve(agent)
    (interrupt_id,) = await talk.question(times=2)
    await talk.reply(interrupt_id, "yes")
    await desk.serve(agent)

    assert await talk.answer_to(turn) == "a: yes"
    messages = (await agent.snapshot(talk.session)).messages
    refuse_invalid(messages)
    assert [each.text for each in messages] == ["go", "…", "hello", "a: yes"]
