"""Several people and one agent, which answers who calls it and knows what the others said."""

from __future__ import annotations

import operator
from typing import Annotated, Any, TypedDict

import pytest_asyncio
from langchain_core.messages import AnyMessage
from langgraph.graph import END, START, MessagesState, StateGraph

from parley_core.domain.client_frames import Strategy
from parley_core.domain.ids import UserId
from parley_core.domain.members import ReplyMode, Role
from parley_core.redis.client import RedisClient
from parley_core.redis.conversations import RedisConversations
from parley_core.redis.keys import Keys
from parley_core.redis.memberships import RedisMemberships
from parley_testing.agents import tells_what_it_heard
from parley_testing.desk import Desk
from parley_testing.talk import Talk, Workers

BOB = UserId("bob@example.com")


async def refuses_poison(state: MessagesState) -> dict[str, Any]:
    if "poison" in str(state["messages"][-1].text):
        raise ValueError("poison")
    return {}


class Appending(TypedDict):
    """Knows nothing of ids."""

    messages: Annotated[list[AnyMessage], operator.add]


def listener(state: type = MessagesState) -> StateGraph[Any, Any, Any, Any]:
    graph: StateGraph[Any, Any, Any, Any] = StateGraph(state)
    graph.add_node("refuses", refuses_poison, input_schema=state)
    graph.add_node("tells", tells_what_it_heard, input_schema=state)
    graph.add_edge(START, "refuses")
    graph.add_edge("refuses", "tells")
    graph.add_edge("tells", END)
    return graph


@pytest_asyncio.fixture
async def bob(talk: Talk, store: RedisConversations, redis_client: RedisClient, keys: Keys) -> Talk:
    """Another member of the session, in which the agent answers who calls it."""
    memberships = RedisMemberships(redis_client, keys)
    await memberships.set_role(talk.session, BOB, role=Role.MEMBER, by=None)
    await memberships.set_reply(talk.session, ReplyMode.MENTIONED, by=None)
    return Talk(store, talk.session, user=BOB)


async def test_it_answers_who_calls_it_and_knows_who_said_what_before(
    desk: Desk, talk: Talk, bob: Talk
) -> None:
    agent = desk.agent(listener())
    await talk.say("lunch?")
    await bob.say("at one")
    assert await desk.waits_for_nobody()

    turn = await bob.say("@agent book it")
    await desk.serve(agent)
    await talk.say("thanks")
    later = await talk.say("@Agent, when?")
    await desk.serve(agent)

    ann, bobs = talk.user, BOB
    before = f"{ann}: lunch? | {bobs}: at one | {bobs}: @agent book it"
    assert await talk.answer_to(turn) == before
    assert await talk.answer_to(later) == f"{before} | {ann}: thanks | {ann}: @Agent, when?"


async def test_what_a_worker_that_died_had_heard_its_successor_hears_once(
    desk: Desk, talk: Talk, bob: Talk
) -> None:
    agent = desk.agent(listener())
    await bob.say("psst")
    turn = await talk.say("@agent?")

    with desk.dying(at=3):
        await desk.serve(agent)
    assert desk.died
    await desk.evict()
    await desk.serve(agent)

    assert await talk.answer_to(turn) == f"{BOB}: psst | {talk.user}: @agent?"


async def test_what_was_heard_by_a_turn_that_was_taken_back_is_not_forgotten(
    desk: Desk, talk: Talk, bob: Talk
) -> None:
    agent = desk.agent(listener())
    await bob.say("psst")
    await talk.say("@agent one")
    turn = await talk.say("@agent two", strategy=Strategy.ROLLBACK)

    await desk.serve_what_is_left(agent)

    assert await talk.answer_to(turn) == f"{BOB}: psst | {talk.user}: @agent two"


async def test_what_was_heard_by_a_turn_that_failed_is_known_once(
    desk: Desk, talk: Talk, bob: Talk
) -> None:
    agent = desk.agent(listener())
    await bob.say("psst")
    poisoned = await talk.say("@agent poison")
    for _ in range(3):
        await desk.serve(agent)
        await desk.rested()
    await desk.serve(agent)
    await talk.failure_of(poisoned)

    turn = await talk.say("@agent two")
    await desk.serve(agent)

    assert (await talk.answer_to(turn)).count("psst") == 1


async def test_a_graph_that_only_adds_messages_hears_each_once(
    desk: Desk, talk: Talk, bob: Talk
) -> None:
    agent = desk.agent(listener(Appending))
    await bob.say("psst")
    await talk.say("@agent poison")
    for _ in range(3):
        await desk.serve(agent)
        await desk.rested()
    await desk.serve(agent)

    await bob.say("hello?")
    turn = await talk.say("@agent two")
    await desk.serve(agent)

    heard = await talk.answer_to(turn)
    assert (heard.count("psst"), heard.count("hello?")) == (1, 1)


async def test_without_its_checkpoint_it_still_knows_what_it_heard(
    desk: Desk, talk: Talk, bob: Talk
) -> None:
    agent = desk.agent(listener())
    await bob.say("psst")
    await talk.say("@agent one")
    await desk.serve(agent)
    await bob.say("pssst")
    turn = await talk.say("@agent two")
    await desk.forget()

    await desk.serve(agent)

    heard = [
        f"{BOB}: psst",
        f"{talk.user}: @agent one",
        f"{BOB}: pssst",
        f"{talk.user}: @agent two",
    ]
    assert await talk.answer_to(turn) == " | ".join(heard)


async def test_a_process_answers_only_who_calls_it(workers: Workers, talk: Talk, bob: Talk) -> None:
    await workers.start("heard")
    await bob.say("psst")

    answer = await talk.answer("@agent?")

    assert answer == f"{BOB}: psst | {talk.user}: @agent?"
    assert await talk.said() == ["psst", "@agent?", answer]


async def test_alone_with_somebody_it_is_not_told_who_speaks(desk: Desk, talk: Talk) -> None:
    turn = await talk.say("hello")

    await desk.serve(desk.agent(listener()))

    assert await talk.answer_to(turn) == "None: hello"
