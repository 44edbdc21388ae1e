"""What clients see of a conversation, over a real edge and a real Redis."""

from __future__ import annotations

import asyncio
from typing import Any

from parley_testing.wire import WireClient

EVERYTHING = ["ack", "deltas", "turns", "presence", "typing", "events"]


async def test_a_plain_client_sends_a_text_and_gets_one_frame_back(edge: Any, agent: Any) -> None:
    async with edge.client() as client:
        await client.send_raw(
            '{"user_id": "ann", "device_id": "phone", "timestamp": "2026-01-01T00:00:00Z"}'
        )
        system = await client.receive("system")

        await client.text("hello")
        await client.quiet()
        await agent.answer(system["session_id"], "hi")

        answer = await client.receive("text")
        assert (answer["role"], answer["content"], answer["seq"]) == ("assistant", "hi", 2)
        await client.quiet()


async def test_a_new_session_is_not_recovered_and_says_where_it_is(edge: Any) -> None:
    async with edge.client() as client:
        system = await client.auth("ann")

    assert system["recovered"] is False
    assert (system["seq"], system["id"], system["protocol"]) == (0, "", 1)
    assert (system["server_id"], system["heartbeat_interval_ms"]) == ("edge-1", 30_000)
    assert "history" not in system


async def test_a_plain_client_that_comes_back_finds_its_history(edge: Any, agent: Any) -> None:
    async with edge.client() as client:
        first = await client.auth("ann")
        await client.text("hello")
        await client.quiet()
    await agent.answer(first["session_id"], "hi")

    async with edge.client() as client:
        again = await client.auth("ann")

    assert again["recovered"] is True
    assert again["session_id"] == first["session_id"]
    assert [frame["content"] for frame in again["history"]] == ["hello", "hi"]
    assert again["has_more"] is False


async def test_health_is_told_without_a_user_and_auth_may_follow(edge: Any) -> None:
    async with edge.client() as client:
        await client.send("health_check")
        health = await client.receive("system")
        system = await client.auth("ann")

    assert health["status"] == "ok"
    assert "session_id" in system


async def test_both_paths_and_the_subprotocol_are_served(edge: Any) -> None:
    root = f"ws://127.0.0.1:{edge.port}/"
    async with WireClient(root, subprotocols=["parley.v1"]) as client:
        await client.auth("ann")
        subprotocol = client.socket.subprotocol

    assert subprotocol == "parley.v1"


async def test_a_second_device_sees_both_sides(edge: Any, agent: Any) -> None:
    async with edge.client() as phone, edge.client() as tablet:
        system = await phone.auth("ann", "phone")
        await tablet.auth("ann", "tablet")

        await phone.text("hello", message_id="m1")
        question = await tablet.receive("text")
        await agent.answer(system["session_id"], "hi")
        answer = await tablet.receive("text")

    assert (question["message_id"], question["device_id"], question["seq"]) == ("m1", "phone", 1)
    assert (answer["content"], answer["seq"], answer["turn_id"]) == ("hi", 2, "m1")


async def test_two_edges_give_their_clients_the_same_order(new_edge: Any, agent: Any) -> None:
    async with new_edge() as one, new_edge() as two, one.client() as left, two.client() as right:
        system = await left.auth("ann", "left", capabilities=["ack"])
        await right.auth("ann", "right", capabilities=["ack"])

        for number in range(20):
            await (left if number % 2 else right).text(f"text {number}")
        answering = asyncio.create_task(agent.answer_all(system["session_id"], count=20))
        seqs = [await _seqs(client, count=40) for client in (left, right)]
        await answering

    assert seqs == [list(range(1, 41))] * 2


async def _seqs(client: WireClient, *, count: int) -> list[int]:
    """The places of the next log frames and acks."""
    return [(await client.next())["seq"] for _ in range(count)]


async def test_an_ack_takes_the_place_of_ones_own_text(edge: Any) -> None:
    async with edge.client() as phone, edge.client() as tablet:
        await phone.auth("ann", "phone", capabilities=["ack"])
        await tablet.auth("ann", "tablet", capabilities=["ack"])

        await tablet.text("one", message_id="m1")
        await tablet.receive("ack")
        await phone.text("two", message_id="m2")
        places = [
            (frame["type"], frame["seq"]) for frame in [await phone.next(), await phone.next()]
        ]
        await phone.quiet()

    assert places == [("text", 1), ("ack", 2)]


async def test_texts_sent_at_once_are_appended_in_their_order(edge: Any) -> None:
    async with edge.client() as client:
        await client.auth("ann", capabilities=["ack"])

        for number in range(90):
            await client.text(f"text {number}", message_id=f"m{number}")
        acks = [await client.receive("ack") for _ in range(90)]

    assert [(ack["message_id"], ack["seq"]) for ack in acks] == [
        (f"m{number}", number + 1) for number in range(90)
    ]


async def test_a_repeat_is_acked_with_the_first_seq_and_changes_nothing(edge: Any) -> None:
    async with edge.client() as client:
        await client.auth("ann", capabilities=["ack"])
        for message_id in ("m1", "m2"):
            await client.text("hello", message_id=message_id)
            await client.receive("ack")

        await client.text("hello", message_id="m1")
        repeat = await client.receive("ack")
        await client.command("get_history")
        history = await client.receive("history")

    assert (repeat["message_id"], repeat["seq"]) == ("m1", 1)
    assert len(history["messages"]) == 2


async def test_a_proved_resume_gets_exactly_what_was_missed(edge: Any, agent: Any) -> None:
    async with edge.client() as client:
        system = await client.auth("ann", capabilities=["ack"])
        await client.text("one", message_id="m1")
        await client.receive("ack")
        await client.text("two", message_id="m2")
        await client.receive("ack")
    await agent.answer(system["session_id"], "answer")

    async with edge.client() as client:
        resumed = await client.auth(
            "ann",
            session_id=system["session_id"],
            resume={"epoch": system["epoch"], "seq": 1, "id": "m1"},
            capabilities=["ack"],
        )
        missed = [await client.receive("text") for _ in range(2)]
        await client.quiet()

    assert resumed["recovered"] is True
    assert "history" not in resumed
    assert (resumed["seq"], resumed["id"]) == (3, "a-m1")
    # Its own text too: the connection that sent it is gone.
    assert [(frame["seq"], frame["message_id"]) for frame in missed] == [(2, "m2"), (3, "a-m1")]


async def test_a_resume_that_is_not_proved_is_told(edge: Any) -> None:
    async with edge.client() as client:
        system = await client.auth("ann", capabilities=["ack"])
        await client.text("one", message_id="m1")
        await client.receive("ack")
    epoch = system["epoch"]

    for position in (
        {"epoch": epoch, "seq": 1, "id": "another"},
        {"epoch": epoch, "seq": 1},
        {"epoch": epoch, "seq": 7, "id": "m7"},
        {"epoch": "another", "seq": 1, "id": "m1"},
    ):
        async with edge.client() as client:
            resumed = await client.auth("ann", resume=position, capabilities=["ack"])
            await client.quiet()

        assert resumed["recovered"] is False, position
        assert [frame["message_id"] for frame in resumed["history"]] == ["m1"]


async def test_a_long_tail_comes_whole_and_in_order(edge: Any) -> None:
    async with edge.client() as client:
        system = await client.auth("ann", capabilities=["ack"])
        for number in range(90):
            await client.text("x" * 9_000, message_id=f"m{number}")
        for _ in range(90):
            await client.receive("ack")

    async with edge.client() as client:
        await client.auth("ann", resume={"epoch": system["epoch"], "seq": 0}, capabilities=["ack"])
        seqs = [(await client.receive("text"))["seq"] for _ in range(90)]
        await client.quiet()

    assert seqs == list(range(1, 91))


async def test_deltas_are_a_prefix_of_the_answer_and_turns_are_told(edge: Any, agent: Any) -> None:
    async with edge.client() as client:
        system = await client.auth("ann", capabilities=["ack", "deltas", "turns"])
        await client.text("hello", message_id="m1")
        await client.receive("ack")
        queued = await client.receive("turn")

        await agent.take(system["session_id"])
        running = await client.receive("turn")
        await agent.write("Hel")
        await agent.write("lo 👋")
        await agent.commit("Hello 👋!")
        deltas = [await client.receive("delta") for _ in range(2)]
        answer = await client.receive("text")
        done = await client.receive("turn")

    assert [turn["status"] for turn in (queued, running, done)] == ["queued", "running", "done"]
    assert [(delta["offset"], delta["text"]) for delta in deltas] == [(0, "Hel"), (3, "lo 👋")]
    assert answer["content"] == "Hello 👋!"


async def test_a_client_that_comes_in_the_middle_gets_the_text_so_far(
    edge: Any, agent: Any
) -> None:
    async with edge.client() as client:
        system = await client.auth("ann", capabilities=EVERYTHING)
        await client.text("hello", message_id="m1")
        await client.receive("ack")
    await agent.take(system["session_id"])
    await agent.write("Hel")

    async with edge.client() as client:
        attached = await client.auth("ann", capabilities=EVERYTHING)
        so_far = await client.receive("delta")
        await agent.write("lo")
        rest = await client.receive("delta")

    assert attached["turn"] == {"type": "turn", "turn_id": "m1", "attempt": 1, "status": "running"}
    assert (so_far["offset"], so_far["text"]) == (0, "Hel")
    assert (rest["offset"], rest["text"]) == (3, "lo")


async def test_a_missed_delta_is_made_up_for(edge: Any, agent: Any) -> None:
    async with edge.client() as client:
        system = await client.auth("ann", capabilities=["ack", "deltas"])
        await client.text("hello", message_id="m1")
        await client.receive("ack")
        await agent.take(system["session_id"])
        await agent.write("Hel")
        await client.receive("delta")
        live = agent.keys.session(system["session_id"]).live
        meta = agent.keys.session(system["session_id"]).meta

        # A delta that is stored and was never published.
        await agent.redis.command("APPEND", live, "lo ", key=live)
        await agent.redis.command("HINCRBY", meta, "offset", 3, key=meta)
        agent._offset += 3
        await agent.write("you")
        pieces = [await client.receive("delta")]

    assert [(piece["offset"], piece["text"]) for piece in pieces] == [(3, "lo you")]


async def test_a_question_is_a_text_for_a_plain_client_live_and_in_history(
    edge: Any, agent: Any
) -> None:
    async with edge.client() as plain, edge.client() as able:
        system = await plain.auth("ann")
        await able.auth("ann", "tablet", capabilities=["ack"])
        await plain.text("book it", message_id="m1")
        await able.receive("text")
        await agent.take(system["session_id"])

        await agent.ask("Really?")
        as_text = await plain.receive("text")
        as_question = await able.receive("input_request")
        async with edge.client() as later:
            history = (await later.auth("ann"))["history"]

    assert (as_text["role"], as_text["content"], as_text["seq"]) == ("assistant", "Really?", 2)
    assert as_question["interrupts"] == [{"interrupt_id": "i1", "value": "Really?"}]
    assert [frame["type"] for frame in history] == ["text", "text"]


async def test_typing_reaches_the_others_that_asked_for_it(edge: Any) -> None:
    async with edge.client() as one, edge.client() as two, edge.client() as plain:
        await one.auth("ann", "one", capabilities=["typing"])
        await two.auth("ann", "two", capabilities=["typing"])
        await plain.auth("ann", "plain")

        await one.send("typing", state="start")

        assert await two.receive("typing") == {"type": "typing", "user_id": "ann", "state": "start"}
        await one.quiet()
        await plain.quiet()


async def test_a_heartbeat_is_answered_with_the_time(edge: Any) -> None:
    async with edge.client() as client:
        await client.auth("ann")

        await client.send("heartbeat", timestamp="2026-01-01T00:00:00Z")

        assert (await client.receive("heartbeat"))["server_time"].endswith("Z")


async def test_a_read_position_is_kept(edge: Any, agent: Any) -> None:
    async with edge.client() as client:
        system = await client.auth("ann", capabilities=["ack"])
        await client.text("hello")
        ack = await client.receive("ack")

        await client.send("ack", seq=ack["seq"])
        await client.command("list_sessions")
        await client.receive("system")
        seen = agent.keys.session(system["session_id"]).seen
        kept = await agent.redis.command("HGET", seen, "phone", key=seen)

    assert kept == b"1"
