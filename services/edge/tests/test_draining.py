"""A drain of a real edge: who is told what, in which order, and what is never lost."""

from __future__ import annotations

import asyncio
import signal
import socket
import time
from typing import Any

import httpx
import pytest

from parley_core.redis.client import RedisClient
from parley_core.redis.keys import Keys
from parley_core.redis.processes import RedisProcesses


async def is_refused(edge: Any) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", edge.port)
    except ConnectionRefusedError:
        return True
    writer.close()
    return False


async def until_asked(admin: httpx.AsyncClient, count: int) -> None:
    """So many connections were asked to move."""
    async with asyncio.timeout(10):
        while (await admin.get("/drain")).json()["asked"] < count:
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_drains_and_exits_0(number: signal.Signals, new_edge: Any) -> None:
    async with (
        new_edge(DRAIN_TIMEOUT="5") as edge,
        new_edge(SERVER_ID="edge-2"),
        edge.client() as able,
    ):
        await able.auth("ann", capabilities=["ack"])

        edge.signal(number)
        told = await able.receive("reconnect")
        await able.socket.close()
        code = await edge.wait_exit(within=4)

    assert code == 0
    assert told["reason"] == "drain"
    assert 0 < told["within_ms"] <= 1000


async def test_the_listener_closes_after_the_endpoint_delay_and_before_anybody_is_asked(
    new_edge: Any,
) -> None:
    async with (
        new_edge(ENDPOINT_DELAY="1") as edge,
        new_edge(SERVER_ID="edge-2"),
        httpx.AsyncClient(base_url=edge.admin_url) as admin,
        edge.client() as client,
    ):
        await client.auth("ann", capabilities=["ack"])

        await admin.post("/drain", params={"within": "30"})
        unready = await admin.get("/readyz")
        async with edge.client() as late:
            await late.auth("ann", capabilities=["ack"])
            told = await late.receive("reconnect")
        refused = await is_refused(edge)

    assert (unready.status_code, unready.text.strip()) == (503, "draining")
    assert told["type"] == "reconnect"
    assert refused


async def test_who_does_not_go_is_closed_1012_at_the_deadline(new_edge: Any) -> None:
    async with new_edge(DRAIN_TIMEOUT="1") as edge, edge.client() as able:
        await able.auth("ann", capabilities=["ack"])
        began = time.monotonic()

        edge.signal(signal.SIGTERM)
        code = await able.closed()
        took = time.monotonic() - began
        exit_code = await edge.wait_exit()

    assert (code, exit_code) == (1012, 0)
    assert 0.9 < took < 4


async def test_a_plain_client_is_closed_between_an_answer_and_its_next_text(
    new_edge: Any, agent: Any
) -> None:
    async with (
        new_edge() as edge,
        new_edge(SERVER_ID="edge-2"),
        httpx.AsyncClient(base_url=edge.admin_url) as admin,
        edge.client() as idle,
        edge.client() as asking,
    ):
        await idle.auth("idle")
        session = (await asking.auth("asking"))["session_id"]
        await asking.text("hello")
        await agent.take(session)

        await admin.post("/drain", params={"within": "20"})
        idle_code = await idle.closed()
        await asking.quiet()
        await agent.commit("hi")
        answer = await asking.receive("text")
        asking_code = await asking.closed()

    assert answer["content"] == "hi"
    assert (idle_code, asking_code) == (1012, 1012)


async def two_questions(client: Any, agent: Any) -> str:
    """Of an able client: one turn asked it both. Its session."""
    session = (await client.auth("ann", "desk", capabilities=["ack"]))["session_id"]
    await client.text("book it")
    await agent.take(session)
    await agent.ask("Really?", interrupts=("i1", "i2"))
    return str(session)


async def answer(client: Any, interrupt: str) -> None:
    await client.send("answer", interrupt_id=interrupt, value="yes", message_id=interrupt)
    await client.until("ack", message_id=interrupt)


async def test_a_plain_client_goes_at_once_where_one_turn_took_two_answers(
    new_edge: Any, agent: Any
) -> None:
    async with (
        new_edge() as edge,
        new_edge(SERVER_ID="edge-2"),
        httpx.AsyncClient(base_url=edge.admin_url) as admin,
        edge.client() as plain,
        edge.client() as able,
    ):
        await plain.auth("ann")
        session = await two_questions(able, agent)
        await answer(able, "i1")
        await answer(able, "i2")
        await agent.answer(session, "booked")
        await plain.until("text", content="booked")

        await admin.post("/drain", params={"within": "30"})
        code = await plain.closed()

    assert code == 1012


async def test_a_plain_client_goes_with_the_last_answer_however_many_texts_that_answers(
    new_edge: Any, agent: Any
) -> None:
    async with (
        new_edge() as edge,
        new_edge(SERVER_ID="edge-2"),
        httpx.AsyncClient(base_url=edge.admin_url) as admin,
        edge.client() as plain,
        edge.client() as able,
    ):
        await plain.auth("ann")
        session = await two_questions(able, agent)
        await answer(able, "i1")
        for _ in range(3):  # A text, a question and an answer.
            await plain.receive("text")

        await admin.post("/drain", params={"within": "30"})
        await until_asked(admin, 2)
        await answer(able, "i2")
        await plain.receive("text")
        await agent.take(session)
        await plain.quiet()
        await agent.commit("booked")
        booked = await plain.receive("text")
        code = await plain.closed()

    assert (booked["content"], code) == ("booked", 1012)


async def test_a_plain_client_that_resumed_in_the_middle_of_a_turn_gets_its_answer(
    new_edge: Any, agent: Any
) -> None:
    async with (
        new_edge() as edge,
        new_edge(SERVER_ID="edge-2"),
        httpx.AsyncClient(base_url=edge.admin_url) as admin,
        edge.client() as plain,
    ):
        async with edge.client() as before:
            system = await before.auth("ann", capabilities=["ack"])
            await before.text("hello", message_id="m1")
            seq = (await before.receive("ack"))["seq"]
        await agent.take(system["session_id"])
        position = {"epoch": system["epoch"], "seq": seq, "id": "m1"}
        resumed = await plain.auth("ann", resume=position)

        await admin.post("/drain", params={"within": "30"})
        await until_asked(admin, 1)
        await plain.quiet()
        await agent.commit("hi")
        said = await plain.receive("text")
        code = await plain.closed()

    assert resumed["recovered"] is True
    assert (said["content"], code) == ("hi", 1012)


async def test_what_was_read_before_a_clients_close_is_still_appended(
    new_edge: Any, conversations: Any
) -> None:
    async with new_edge(DRAIN_TIMEOUT="3") as edge, edge.client() as client:
        session = (await client.auth("ann", capabilities=["ack"]))["session_id"]

        edge.signal(signal.SIGTERM)
        for number in range(30):
            await client.text(f"text {number}")
        await client.socket.close()
        await edge.wait_exit()
        events, _ = await conversations.history(session, before=None, limit=100)

    assert [event.seq for event in events] == list(range(1, 31))


async def test_a_drain_can_be_taken_back(new_edge: Any) -> None:
    async with (
        new_edge() as edge,
        new_edge(SERVER_ID="edge-2"),
        httpx.AsyncClient(base_url=edge.admin_url) as admin,
        edge.client() as client,
    ):
        await client.auth("ann", capabilities=["ack"])
        await admin.post("/drain", params={"within": "30"})
        await client.receive("reconnect")
        progress = (await admin.get("/drain")).json()

        back = (await admin.delete("/drain")).json()
        ready = await admin.get("/readyz")
        async with edge.client() as again:
            await again.auth("ann")
        await client.quiet()

    assert (progress["stage"], progress["asked"], progress["connections"]) == ("moving", 1, 1)
    assert 0 < progress["seconds_left"] <= 30
    assert back["stage"] == "serving"
    assert ready.status_code == 200


async def test_a_drain_is_told_to_others_at_once_and_so_is_its_end(
    new_edge: Any, redis_client: RedisClient, keys: Keys, eventually: Any
) -> None:
    processes = RedisProcesses(redis_client, keys)

    async def told() -> list[tuple[bool, bool]]:
        return [(info.draining, info.moving) for info in (await processes.alive()).values()]

    async def is_told() -> bool:
        return await told() == [(True, True)]

    async def is_taken_back() -> bool:
        return await told() == [(False, False)]

    async with (
        new_edge(ENDPOINT_DELAY="30") as edge,
        httpx.AsyncClient(base_url=edge.admin_url) as admin,
    ):
        for _ in range(3):
            await admin.post("/drain", params={"within": "30"})
            await eventually(is_told, within=0.6)
            await admin.delete("/drain")
            await eventually(is_taken_back, within=0.6)


async def test_a_drain_taken_back_while_it_still_accepts_leaves_one_listener(
    new_edge: Any,
) -> None:
    async with (
        new_edge(ENDPOINT_DELAY="0.5") as edge,
        httpx.AsyncClient(base_url=edge.admin_url) as admin,
    ):
        await admin.post("/drain", params={"within": "30"})
        await admin.delete("/drain")
        serving = await is_refused(edge)
        await admin.post("/drain", params={"within": "0"})
        while (await admin.get("/drain")).json()["stage"] != "drained":
            await asyncio.sleep(0.02)
        drained = await is_refused(edge)

    assert (serving, drained) == (False, True)


async def test_a_drain_goes_on_if_somebody_has_taken_the_port(new_edge: Any) -> None:
    async with (
        new_edge() as edge,
        httpx.AsyncClient(base_url=edge.admin_url) as admin,
        edge.client() as client,
    ):
        await client.auth("ann", capabilities=["ack"])
        await admin.post("/drain", params={"within": "30"})
        while (await admin.get("/drain")).json()["stage"] != "moving":
            await asyncio.sleep(0.02)
        with socket.create_server(("127.0.0.1", edge.port)):
            refused = await admin.delete("/drain")
            going_on = (await admin.get("/drain")).json()["stage"]
        back = await admin.delete("/drain")

    assert (refused.status_code, going_on) == (409, "moving")
    assert "cannot be used" in refused.json()["error"]
    assert back.json()["stage"] == "serving"


async def test_a_drain_is_told_to_others_and_ends_when_nobody_is_left(
    new_edge: Any, redis_client: RedisClient, keys: Keys, eventually: Any
) -> None:
    processes = RedisProcesses(redis_client, keys)

    async def is_told() -> bool:
        return [info.draining for info in (await processes.alive()).values()] == [True]

    async with (
        new_edge() as edge,
        httpx.AsyncClient(base_url=edge.admin_url) as admin,
    ):

        async def is_drained() -> bool:
            return bool((await admin.get("/drain")).json()["stage"] == "drained")

        await admin.post("/drain", params={"within": "30"})
        await eventually(is_drained)
        await eventually(is_told)
        metrics = (await admin.get("/metrics")).text

        edge.signal(signal.SIGTERM)
        code = await edge.wait_exit(within=4)

    assert code == 0
    assert "parley_edge_draining 1.0" in metrics
    assert "parley_edge_connections 0.0" in metrics
    assert "parley_redis_up 1.0" in metrics
    assert await processes.alive() == {}


async def test_a_signal_cuts_a_longer_drain_short(new_edge: Any) -> None:
    async with (
        new_edge(DRAIN_TIMEOUT="1") as edge,
        new_edge(SERVER_ID="edge-2"),
        httpx.AsyncClient(base_url=edge.admin_url) as admin,
        edge.client() as client,
    ):
        await client.auth("ann", capabilities=["ack"])
        await admin.post("/drain", params={"within": "600"})
        await client.receive("reconnect")

        edge.signal(signal.SIGTERM)
        code = await client.closed()
        exit_code = await edge.wait_exit()

    assert (code, exit_code) == (1012, 0)


@pytest.mark.parametrize("within", ["soon", "-1", "nan", "inf"])
async def test_a_drain_within_nonsense_is_refused(within: str, shared_edge: Any) -> None:
    async with httpx.AsyncClient(base_url=shared_edge.admin_url) as admin:
        reply = await admin.post("/drain", params={"within": within})
        ready = await admin.get("/readyz")

    assert reply.status_code == 422
    assert ready.status_code == 200


async def test_two_edges_share_a_port(new_edge: Any) -> None:
    async with new_edge() as one, new_edge(WEBSOCKET_PORT=str(one.port)) as two:
        async with httpx.AsyncClient(base_url=one.admin_url) as admin:
            await admin.post("/drain", params={"within": "0"})
            while (await admin.get("/drain")).json()["stage"] != "drained":
                await asyncio.sleep(0.05)
        for _ in range(10):
            async with two.client() as client:
                await client.auth("ann")
