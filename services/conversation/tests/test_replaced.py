"""A worker that dies between any two of its calls: the next one brings the turn to the same end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import interrupt

from parley_conversation.graph.agent import Agent
from parley_core.domain.client_frames import Strategy
from parley_core.domain.events import MailKind
from parley_core.domain.server_frames import Error, InputRequest, Text
from parley_testing.desk import Desk
from parley_testing.models import refuse_invalid
from parley_testing.talk import Talk

Builder = StateGraph[Any, Any, Any, Any]


@dataclass
class Scene:
    """A turn in the middle of which something happens, once.

    `act`: what the client does while the node runs; `ends`: how the two turns end, in order.
    """

    act: Callable[[Talk], Coroutine[None, None, object]]
    ends: tuple[str, ...]


async def cancels(talk: Talk) -> None:
    await talk.cancel()
    await talk.say("next")


SCENES = {
    "cancel": Scene(cancels, ("cancelled", "answered")),
    "interrupt": Scene(
        lambda talk: talk.say("next", strategy=Strategy.INTERRUPT), ("cancelled", "answered")
    ),
    "rollback": Scene(
        lambda talk: talk.say("next", strategy=Strategy.ROLLBACK), ("rolled back", "answered")
    ),
    "enqueue": Scene(lambda talk: talk.say("next"), ("answered", "answered")),
}


def acting(desk: Desk, talk: Talk, scene: Scene, acts: list[asyncio.Future[object]]) -> Builder:
    """Its second node is where the client acts; then it hangs if it is to be stopped."""

    async def first(state: MessagesState) -> dict[str, Any]:
        return {"messages": [AIMessage("one")]}

    async def second(state: MessagesState) -> dict[str, Any]:
        if not acts:
            # The client lives on when this worker dies.
            acts.append(asyncio.ensure_future(scene.act(talk)))
            await asyncio.shield(acts[0])
        if stop := await desk.heard_stop():
            desk.run.stopped(stop)
            await asyncio.Event().wait()
        return {"messages": [AIMessage("two")]}

    graph = StateGraph(MessagesState)
    graph.add_node(first)
    graph.add_node(second)
    graph.add_edge(START, "first")
    graph.add_edge("first", "second")
    graph.add_edge("second", END)
    return graph


def asking() -> Builder:
    graph = StateGraph(MessagesState)

    def node(name: str) -> Any:
        async def asks(state: MessagesState) -> dict[str, Any]:
            return {"messages": [AIMessage(f"{name}: {interrupt(name)}")]}

        return asks

    for name in "abc":
        graph.add_node(name, node(name))
        graph.add_edge(START, name)
    return graph


def ends(talk_log: list[Any]) -> tuple[str, ...]:
    found = []
    for frame in talk_log:
        match frame:
            case Text(role="assistant"):
                found.append("cancelled" if frame.finish == "cancelled" else "answered")
            case Error():
                found.append("rolled back" if "ROLLED" in frame.code else "failed")
    return tuple(found)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("scene", SCENES.values(), ids=SCENES)
async def test_a_turn_ends_the_same_wherever_its_worker_dies(
    desk: Desk, talk: Talk, scene: Scene, *, after: bool
) -> None:
    for at in count(1):
        acts: list[asyncio.Future[object]] = []
        agent = desk.agent(acting(desk, talk, scene, acts))
        await anew(desk, talk, agent)
        await talk.say("go")
        with desk.dying(at=at, after=after):
            await desk.serve_what_is_left(agent)
        if desk.died:
            await asyncio.gather(*acts)
            await desk.evict()
            await desk.serve_what_is_left(agent)

        assert ends(await talk.log()) == scene.ends, f"died at call {at}"
        messages = (await agent.snapshot(talk.session)).messages
        refuse_invalid(messages)
        assert [each.text for each in messages if each.type == "human"] == (
            ["next"] if scene.ends[0] == "rolled back" else ["go", "next"]
        )
        if not desk.died:
            assert at > 10
            return


@pytest.mark.timeout(180)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_three_questions_are_answered_wherever_a_worker_dies(
    desk: Desk, talk: Talk, *, after: bool
) -> None:
    agent = desk.agent(asking())
    for at in count(1):
        await anew(desk, talk, agent)
        turn = await talk.say("go")
        with desk.dying(at=at, after=after):
            await serve_and_answer(desk, talk, agent)
        if desk.died:
            await desk.evict()
            await serve_and_answer(desk, talk, agent)

        answer = await talk.answer_to(turn)
        assert sorted(answer.split("\n\n")) == ["a: 1", "b: 2", "c: 3"], f"died at call {at}"
        assert ends(await talk.log()) == ("answered",)
        if not desk.died:
            assert at > 10
            return


async def anew(desk: Desk, talk: Talk, agent: Agent) -> None:
    """The conversation without its past."""
    await talk.command(MailKind.CLEAR)
    await desk.serve(agent)
    desk.died = False


async def serve_and_answer(desk: Desk, talk: Talk, agent: Agent) -> None:
    """Until nothing is left to do: a worker's work, and one answer to each question that comes."""
    while True:
        await desk.serve_what_is_left(agent)
        newest = (await talk.log())[-1]
        if not isinstance(newest, InputRequest) or await desk.held():
            return
        asked = newest.interrupts[0]
        await talk.reply(asked.interrupt_id, "abc".index(str(asked.value)) + 1)
