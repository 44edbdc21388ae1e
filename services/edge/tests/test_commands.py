"""The commands of the protocol's table, over a real edge."""

from __future__ import annotations

from typing import Any

from parley_core.domain.ids import DeviceId, UserId
from parley_core.redis.connections import RedisConnections


async def test_history_comes_in_pages_oldest_first(shared_edge: Any) -> None:
    async with shared_edge.client() as client:
        await client.auth("history", capabilities=["ack"])
        for number in range(1, 8):
            await client.text(f"text {number}")
            await client.receive("ack")

        await client.command("get_history", limit=3, request_id="r1")
        newest = await client.receive("history")
        await client.command("get_history", limit=5, before=5)
        oldest = await client.receive("history")

    assert [frame["seq"] for frame in newest["messages"]] == [5, 6, 7]
    assert (newest["has_more"], newest["request_id"]) == (True, "r1")
    assert [frame["seq"] for frame in oldest["messages"]] == [1, 2, 3, 4]
    assert oldest["has_more"] is False


async def test_a_new_session_moves_this_connection_only(edge: Any, agent: Any) -> None:
    async with edge.client() as one, edge.client() as two, edge.client() as three:
        old = (await one.auth("ann", "one"))["session_id"]
        await two.auth("ann", "two", capabilities=["ack"])

        await one.command("new_session", request_id="r1")
        moved = await one.receive("system")
        await two.text("still in the old one", message_id="m1")
        await two.receive("ack")
        await agent.answer(old, "hi")
        answer = await two.receive("text")
        await one.quiet()
        later = await three.auth("ann", "three")

    assert (moved["request_id"], moved["recovered"], moved["seq"]) == ("r1", False, 0)
    assert moved["session_id"] != old
    assert answer["session_id"] == old
    assert later["session_id"] == moved["session_id"]


async def test_switching_back_brings_the_old_session_and_its_history(edge: Any, agent: Any) -> None:
    async with edge.client() as client:
        old = (await client.auth("ann", capabilities=["ack"]))["session_id"]
        await client.text("hello", message_id="m1")
        await client.receive("ack")
        await client.command("new_session")
        await client.receive("system")

        await client.command("switch_session", session_id=old)
        back = await client.receive("system")
        await agent.answer(old, "hi")
        answer = await client.receive("text")

    assert (back["session_id"], back["recovered"]) == (old, True)
    assert [frame["content"] for frame in back["history"]] == ["hello"]
    assert answer["content"] == "hi"


async def test_sessions_are_listed_with_the_current_one(shared_edge: Any) -> None:
    async with shared_edge.client() as client:
        first = (await client.auth("lister"))["session_id"]
        await client.command("new_session")
        second = (await client.receive("system"))["session_id"]

        await client.command("list_sessions", request_id="r1")
        listed = await client.receive("system")

    rows = {row["session_id"]: row["current"] for row in listed["sessions"]}
    assert rows == {first: False, second: True}
    assert {row["role"] for row in listed["sessions"]} == {"owner"}
    assert listed["request_id"] == "r1"


async def test_a_clear_is_queued_and_then_told_to_every_connection(edge: Any, agent: Any) -> None:
    async with edge.client() as one, edge.client() as two:
        system = await one.auth("ann", "one", capabilities=["ack"])
        await two.auth("ann", "two")
        await one.text("hello", message_id="m1")
        await one.receive("ack")
        await agent.answer(system["session_id"], "hi")
        for client in (one, two):
            await client.until("text", role="assistant")

        await one.command("clear_history", request_id="c1")
        queued = await one.receive("system")
        await agent.take(system["session_id"])
        await agent.clear()
        told = [await client.receive("system") for client in (one, two)]
        await one.text("again", message_id="m2")
        ack = await one.receive("ack")
        await two.until("text", message_id="m2")

    assert (queued["queued"], queued["message_id"], queued["request_id"]) == (True, "c1", "c1")
    assert [frame["cleared"] for frame in told] == [True, True]
    assert told[0]["epoch"] != system["epoch"]
    assert ack["seq"] == 3


async def test_a_topic_is_queued_under_its_request(shared_edge: Any) -> None:
    async with shared_edge.client() as client:
        await client.auth("topics")

        await client.command("switch_topic", topic="the sea", request_id="t1")
        first = await client.receive("system")
        await client.command("switch_topic", topic="the sea", request_id="t1")
        repeat = await client.receive("system")

    assert first == repeat
    assert (first["queued"], first["message_id"]) == (True, "t1")


async def test_ones_own_presence_is_told(shared_edge: Any) -> None:
    async with shared_edge.client() as client:
        await client.auth("visible", "tablet")

        await client.command("get_presence", user_ids=["visible"])
        (found,) = (await client.receive("system"))["presence"]

    assert (found["user_id"], found["state"]) == ("visible", "online")
    assert found["devices"] == ["tablet"]


async def test_presence_is_watched_until_the_connection_closes(edge: Any, agent: Any) -> None:
    frame = b'{"type":"presence","user_id":"ann","state":"offline","devices":[],"last_seen":null}'
    channel = agent.keys.watch(UserId("ann"))
    async with edge.client() as watching, edge.client() as not_asked:
        await watching.auth("ann", "one", capabilities=["presence"])
        await not_asked.auth("ann", "two", capabilities=["ack"])
        for client in (watching, not_asked):
            await client.command("get_presence", user_ids=["ann"])
            await client.receive("system")

        await agent.redis.command(agent.redis.publish_verb, channel, frame, key=channel)
        told = await watching.receive("presence")
        await not_asked.quiet()

    assert told["state"] == "offline"


async def test_an_expired_session_is_opened_again_and_the_text_is_not_lost(
    edge: Any, agent: Any
) -> None:
    async with edge.client() as client:
        system = await client.auth("ann", capabilities=["ack"])
        await client.text("before", message_id="m1")
        await client.receive("ack")
        names = agent.keys.session(system["session_id"])
        for key in (names.meta, names.log, names.ids, names.mail):
            await agent.redis.command("DEL", key, key=key)

        await client.text("after", message_id="m2")
        told = await client.receive("system")
        ack = await client.receive("ack")

    assert told["recovered"] is False
    assert told["epoch"] != system["epoch"]
    assert (ack["message_id"], ack["seq"]) == ("m2", 1)


async def test_a_connection_is_registered_and_departs(
    edge: Any, agent: Any, connections: RedisConnections, eventually: Any
) -> None:
    async with edge.client() as client:
        await client.auth("ann", "phone")
        (here,) = await connections.whereabouts([UserId("ann")])

    async def is_gone() -> bool:
        (there,) = await connections.whereabouts([UserId("ann")])
        return not there.connections

    await eventually(is_gone)
    assert [online.device for online in here.connections] == [DeviceId("phone")]
    assert here.connections[0].process.startswith("edge-1/")
