"""What clients do to a turn: stop it, answer its questions, put another text in its place."""

from __future__ import annotations

from typing import Any

import pytest

from parley_core.domain.events import MailKind, Stop

ABLE = ["ack", "turns", "events"]


async def asking(client: Any, agent: Any) -> None:
    """Of an able client: its text has been answered with a question."""
    system = await client.auth("ann", capabilities=ABLE)
    await client.text("book it", message_id="m1")
    await agent.take(system["session_id"])
    await agent.ask("Really?")
    await client.until("input_request")


async def test_a_cancel_reaches_the_turn_that_runs(edge: Any, agent: Any) -> None:
    async with edge.client() as client:
        system = await client.auth("ann", capabilities=ABLE)
        await client.text("go on", message_id="m1")
        await agent.take(system["session_id"])
        await client.send("cancel")

        assert await agent.told() is Stop.CANCEL


async def test_a_cancel_that_came_too_late_says_so(edge: Any, agent: Any) -> None:
    async with edge.client() as client:
        system = await client.auth("ann", capabilities=ABLE)
        await client.text("hi", message_id="m1")
        await agent.answer(system["session_id"], "hello")
        await client.until("text")
        await client.send("cancel", turn_id="m1")

        error = await client.until("error")

    assert (error["code"], error["turn_id"]) == ("TURN_ENDED", "m1")


@pytest.mark.parametrize("strategy", ["interrupt", "rollback"])
async def test_a_text_may_take_the_place_of_the_turn_that_runs(
    edge: Any, agent: Any, strategy: str
) -> None:
    async with edge.client() as client:
        system = await client.auth("ann", capabilities=ABLE)
        await client.text("one", message_id="m1")
        await agent.take(system["session_id"])
        await client.text("two", message_id="m2", strategy=strategy)

        assert await agent.told() == strategy


async def test_an_answer_is_acknowledged_and_seen_by_the_others(edge: Any, agent: Any) -> None:
    async with edge.client() as client, edge.client() as other:
        await asking(client, agent)
        await other.auth("ann", "tablet", capabilities=ABLE)
        await client.send("answer", interrupt_id="i1", message_id="m2", value={"n": 1})

        ack = await client.until("ack", message_id="m2")
        seen = await other.until("text")

    assert ack["seq"] == 3
    assert (seen["content"], seen["interrupt_id"], seen["seq"]) == ('{"n": 1}', "i1", 3)


async def test_the_worker_gets_the_answers_value(edge: Any, agent: Any) -> None:
    async with edge.client() as client:
        await asking(client, agent)
        await client.send("answer", interrupt_id="i1", value=[1, "x"], message_id="m2")
        await client.until("ack", message_id="m2")

        inbox = await agent.inbox()

    assert inbox.mail.kind is MailKind.ANSWER
    assert (inbox.head, inbox.turn.answers) == ("m1", {"i1": '[1, "x"]'})


async def test_the_first_answer_wins_and_the_second_is_told(edge: Any, agent: Any) -> None:
    async with edge.client() as client:
        await asking(client, agent)
        await client.send("answer", interrupt_id="i1", value=1)
        await client.send("answer", interrupt_id="i1", value=2, message_id="late")

        error = await client.until("error")

    assert (error["code"], error["message_id"]) == ("NO_SUCH_INTERRUPT", "late")


async def test_an_answer_that_is_repeated_is_acknowledged_where_it_first_was(
    edge: Any, agent: Any
) -> None:
    async with edge.client() as client:
        await asking(client, agent)
        for _ in range(2):
            await client.send("answer", interrupt_id="i1", value=1, message_id="m2")

        acks = [await client.until("ack", message_id="m2") for _ in range(2)]

    assert [ack["seq"] for ack in acks] == [3, 3]


async def test_a_plain_clients_text_is_the_answer(edge: Any, agent: Any) -> None:
    async with edge.client() as plain:
        system = await plain.auth("ann")
        await plain.text("book it")
        await agent.take(system["session_id"])
        await agent.ask("Really?")
        await plain.until("text")
        await plain.text("yes, please")

        inbox = await agent.inbox()

    assert inbox.turn.answers == {"i1": '"yes, please"'}


async def test_an_able_clients_text_ends_the_turn_that_waits(edge: Any, agent: Any) -> None:
    async with edge.client() as client:
        await asking(client, agent)
        await client.text("something else", message_id="m2")
        await client.until("ack", message_id="m2")

        inbox = await agent.inbox()

    assert (inbox.head, inbox.turn.turn_id, inbox.turn.stop) == ("m2", "m1", Stop.CANCEL)


async def test_nodes_and_events_are_shown_to_those_who_asked_for_them(
    edge: Any, agent: Any
) -> None:
    async with edge.client() as able, edge.client() as plain:
        system = await able.auth("ann", capabilities=ABLE)
        await plain.auth("ann", "tablet")
        await able.text("go", message_id="m1")
        await plain.until("text")
        await agent.take(system["session_id"])

        await agent.show("search", {"found": 3})
        await able.until("turn", node="search")
        event = await able.until("event")
        await plain.quiet()

    assert (event["name"], event["data"]) == ("progress", {"found": 3})
