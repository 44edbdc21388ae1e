from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel, GenericFakeChatModel
from langchain_core.messages import AIMessage, RemoveMessage
from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, MessagesState, StateGraph

from parley_checkpoint import AsyncRedisCheckpointer
from parley_conversation.graph.default import default_graph
from parley_conversation.graph.model import OfflineResponder
from parley_core.domain.events import MailKind
from parley_core.domain.server_frames import System, Text
from parley_core.redis.client import RedisClient
from parley_core.redis.keys import Keys
from parley_testing.desk import Desk
from parley_testing.talk import Talk

Builder = StateGraph[Any, Any, Any, Any]
Node = Callable[[MessagesState], Awaitable[dict[str, Any]]]


def responder(pause: float = 0.0) -> Builder:
    return default_graph(OfflineResponder(pause=pause), clock=lambda: datetime.now(UTC))


def chain(*nodes: Any) -> Builder:
    graph = StateGraph(MessagesState)
    names = [f"node{number}" for number in range(len(nodes))]
    for name, node in zip(names, nodes, strict=True):
        graph.add_node(name, node)
    for before, after in zip([START, *names], [*names, END], strict=True):
        graph.add_edge(before, after)
    return graph


def model(*answers: str) -> BaseChatModel:
    """LangChain's own stand-in for a provider: it streams given answers word by word."""
    return GenericFakeChatModel(messages=iter(answers))


async def slowly(state: MessagesState) -> dict[str, Any]:
    await asyncio.sleep(0.15)
    return {}


@pytest.fixture(autouse=True)
async def nothing_is_left_leased(
    desk: Desk, redis_client: RedisClient, keys: Keys
) -> AsyncIterator[None]:
    """Whatever a run does, it gives its session back."""
    yield
    for partition in keys.partitions():
        held = await redis_client.command("ZCARD", partition.leased, key=partition.leased)
        assert held == 0


async def test_an_answer_is_streamed_and_then_committed_with_its_turn(
    desk: Desk, talk: Talk
) -> None:
    turn = await talk.say("Hello!")

    await desk.serve(desk.agent(responder(pause=0.02)))

    answer = await talk.end_of(turn)
    assert isinstance(answer, Text)
    assert (answer.turn_id, answer.finish, answer.role) == (turn, "stop", "assistant")
    assert len(talk.deltas) > 3
    assert answer.content.startswith(talk.streamed(turn))
    steps = [frame.status for frame in talk.turns if not frame.node]
    assert steps == ["queued", "running", "done"]
    assert "generate_response" in [frame.node for frame in talk.turns]


async def test_without_its_checkpoint_a_conversation_is_rebuilt_from_the_log(
    desk: Desk, talk: Talk
) -> None:
    agent = desk.agent(responder())
    for text in ("my cat is Tom", "my dog is Rex"):
        await talk.say(text)
        await desk.serve(agent)

    await desk.forget()
    turn = await talk.say("What did I say?")
    await talk.say("and this still waits")
    await desk.serve(agent)

    expected = "So far you have said: “my cat is Tom”, “my dog is Rex”."
    assert await talk.answer_to(turn) == expected
    now = await agent.snapshot(talk.session)
    assert [message.id for message in now.messages][-2] == turn
    assert len(now.messages) == 6


async def test_a_rebuilt_conversation_goes_on_as_usual(desk: Desk, talk: Talk) -> None:
    agent = desk.agent(responder())
    await talk.say("my cat is Tom")
    await desk.serve(agent)
    await desk.forget()
    await talk.say("my dog is Rex")
    await desk.serve(agent)

    turn = await talk.say("What did I say?")
    await desk.serve(agent)

    expected = "So far you have said: “my cat is Tom”, “my dog is Rex”."
    assert await talk.answer_to(turn) == expected


async def test_a_turn_that_had_finished_before_its_commit_is_committed_and_not_run_again(
    desk: Desk, talk: Talk
) -> None:
    ran: list[str] = []

    async def node(state: MessagesState) -> dict[str, Any]:
        ran.append("node")
        return {"messages": [AIMessage("once")]}

    agent = desk.agent(chain(node))
    turn = await talk.say("go")
    await desk.run_without_commit(agent)

    await desk.serve(agent)

    assert await talk.answer_to(turn) == "once"
    assert ran == ["node"]
    assert max(frame.attempt for frame in talk.turns) == 1


async def test_a_topic_is_a_log_frame_and_the_agent_knows_it(desk: Desk, talk: Talk) -> None:
    agent = desk.agent(responder())
    command = await talk.command(MailKind.TOPIC, topic="cats")

    await desk.serve(agent)
    frame = await talk.end_of(command)
    turn = await talk.say("what is the topic?")
    await desk.serve(agent)

    assert isinstance(frame, System)
    assert (frame.topic, frame.message_id, frame.seq) == ("cats", command, 1)
    assert await talk.answer_to(turn) == "We are talking about cats."


async def test_after_a_clear_the_agent_has_forgotten(desk: Desk, talk: Talk) -> None:
    agent = desk.agent(responder())
    await talk.say("my cat is Tom")
    await desk.serve(agent)
    command = await talk.command(MailKind.CLEAR)

    await desk.serve(agent)
    frame = await talk.end_of(command)
    turn = await talk.say("What did I say?")
    await desk.serve(agent)

    assert isinstance(frame, System)
    assert frame.cleared is True
    assert await talk.answer_to(turn) == "You have not said anything before this."


async def test_what_a_model_says_aside_is_not_streamed(desk: Desk, talk: Talk) -> None:
    aside, aloud = model("secret thoughts"), model("the answer is here")

    async def node(state: MessagesState) -> dict[str, Any]:
        await aside.ainvoke("think", {"tags": ["nostream"]})
        return {"messages": [await aloud.ainvoke("say")]}

    turn = await talk.say("go")
    await desk.serve(desk.agent(chain(node, slowly)))

    assert await talk.answer_to(turn) == "the answer is here"
    assert talk.streamed(turn) == "the answer is here"


async def test_several_messages_are_streamed_as_they_are_committed(desk: Desk, talk: Talk) -> None:
    def speaker(text: str) -> Node:
        async def node(state: MessagesState) -> dict[str, Any]:
            return {"messages": [await model(text).ainvoke("say")]}

        return node

    async def silent(state: MessagesState) -> dict[str, Any]:
        return {"messages": [AIMessage("not from a model")]}

    turn = await talk.say("go")
    await desk.serve(desk.agent(chain(speaker("one two"), silent, speaker("three"), slowly)))

    assert await talk.answer_to(turn) == "one two\n\nnot from a model\n\nthree"
    assert talk.streamed(turn) == "one two\n\nnot from a model\n\nthree"


async def test_nothing_of_an_older_turn_is_streamed(desk: Desk, talk: Talk) -> None:
    agent = desk.agent(responder(pause=0.02))
    await talk.say("my cat is Tom")
    await desk.serve(agent)

    turn = await talk.say("my dog is Rex")
    await desk.serve(agent)

    streamed = talk.streamed(turn)
    assert streamed.startswith("You wrote: “my dog")
    assert (await talk.answer_to(turn)).startswith(streamed)


async def test_a_text_that_a_later_node_replaced_is_not_continued(desk: Desk, talk: Talk) -> None:
    async def draft(state: MessagesState) -> dict[str, Any]:
        return {"messages": [await model("a draft").ainvoke("say")]}

    async def better(state: MessagesState) -> dict[str, Any]:
        await asyncio.sleep(0.1)
        removed = RemoveMessage(id=str(state["messages"][-1].id))
        return {"messages": [removed, AIMessage("the final words")]}

    async def more(state: MessagesState) -> dict[str, Any]:
        return {"messages": [await model("and more").ainvoke("say")]}

    turn = await talk.say("go")
    await desk.serve(desk.agent(chain(draft, better, more, slowly)))

    assert await talk.answer_to(turn) == "the final words\n\nand more"
    assert talk.streamed(turn) == "a draft"


async def test_an_attempt_that_failed_is_taken_up_with_what_it_had_written(
    desk: Desk, talk: Talk
) -> None:
    failures = iter([True, False])

    async def first(state: MessagesState) -> dict[str, Any]:
        return {"messages": [AIMessage("kept")]}

    async def fails_once(state: MessagesState) -> dict[str, Any]:
        if next(failures):
            raise ValueError("a bad moment")
        await asyncio.sleep(0.1)
        return {"messages": [await model("and done").ainvoke("say")]}

    agent = desk.agent(chain(first, fails_once, slowly))
    turn = await talk.say("go")
    await desk.serve(agent)
    await desk.rested()
    await desk.serve(agent)

    assert await talk.answer_to(turn) == "kept\n\nand done"
    assert [(delta.offset, delta.text) for delta in talk.deltas if delta.attempt == 2][:1] == [
        (0, "kept")
    ]
    assert talk.streamed(turn) == "kept\n\nand done"


async def test_a_refused_checkpoint_ends_the_run_at_once(desk: Desk, talk: Talk) -> None:
    gate = asyncio.Event()
    ran: list[str] = []

    async def waits(state: MessagesState) -> dict[str, Any]:
        ran.append("waits")
        await gate.wait()
        return {"messages": [AIMessage("one")]}

    async def after(state: MessagesState) -> dict[str, Any]:
        ran.append("after")
        return {"messages": [AIMessage("two")]}

    agent = desk.agent(chain(waits, after))
    turn = await talk.say("go")
    zombie = desk.begin(agent, await desk.claim())
    await until(lambda: bool(ran))
    await desk.evict()

    gate.set()
    await desk.ended()
    ran_before = list(ran)
    await desk.serve(agent)

    assert zombie.lost
    assert ran_before == ["waits"]
    assert ran == ["waits", "waits", "after"]
    assert await talk.answer_to(turn) == "one\n\ntwo"


async def test_a_cancelled_run_gives_its_session_back_uncounted(desk: Desk, talk: Talk) -> None:
    ran: list[int] = []

    async def hangs_four_times(state: MessagesState) -> dict[str, Any]:
        ran.append(1)
        if len(ran) <= 4:
            await asyncio.Event().wait()
        return {"messages": [AIMessage("done")]}

    agent = desk.agent(chain(hangs_four_times))
    turn = await talk.say("go")
    for count in range(1, 5):
        run = desk.begin(agent, await desk.claim())
        await until(lambda count=count: len(ran) == count)  # type: ignore[misc]
        run.cancel()
        await desk.ended()

    await desk.serve(agent)

    assert await talk.answer_to(turn) == "done"


async def test_a_graph_that_times_out_by_itself_is_tried_again_within_the_attempt(
    desk: Desk, talk: Talk
) -> None:
    async def gives_up_once(state: MessagesState) -> dict[str, Any]:
        if not tries:
            tries.append("one")
            raise TimeoutError
        return {"messages": [AIMessage("there")]}

    tries: list[str] = []
    turn = await talk.say("go")

    await desk.serve(desk.agent(chain(gives_up_once)))

    assert await talk.answer_to(turn) == "there"
    assert max(frame.attempt for frame in talk.turns) == 2


async def test_a_graph_that_runs_in_circles_fails(desk: Desk, talk: Talk) -> None:
    async def turns(state: MessagesState) -> dict[str, Any]:
        return {}

    graph = StateGraph(MessagesState)
    graph.add_node("turns", turns)
    graph.add_edge(START, "turns")
    graph.add_edge("turns", "turns")
    agent = desk.agent(graph)
    turn = await talk.say("go")
    for _ in range(4):
        await desk.rested()
        await desk.serve(agent)

    assert (await talk.failure_of(turn)).code == "TURN_FAILED"


async def until(predicate: Callable[[], bool]) -> None:
    """A node of this test's own process has got so far."""
    async with asyncio.timeout(10):
        while not predicate():
            await asyncio.sleep(0.01)


async def test_a_turn_reads_its_checkpoint_once(
    desk: Desk, talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[RunnableConfig] = []
    read = AsyncRedisCheckpointer.aget_tuple

    async def counted(self: AsyncRedisCheckpointer, config: RunnableConfig) -> Any:
        reads.append(config)
        return await read(self, config)

    agent = desk.agent(responder())
    await talk.say("Hello!")
    await desk.serve(agent)
    monkeypatch.setattr(AsyncRedisCheckpointer, "aget_tuple", counted)

    turn = await talk.say("What did I say?")
    await desk.serve(agent)

    assert "Hello!" in await talk.answer_to(turn)
    assert len(reads) == 1
