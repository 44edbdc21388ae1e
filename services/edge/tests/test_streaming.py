"""Events over HTTP: the same conversation as over a WebSocket, with the same promises."""

from __future__ import annotations

import asyncio
import json
import socket
from secrets import token_hex
from typing import Any

import httpx
import pytest

from parley_core.domain.ids import ConnectionId, SessionId, UserId
from parley_core.domain.live import LiveFrame, pack
from parley_core.redis.connections import RedisConnections
from parley_core.redis.conversations import RedisConversations
from parley_testing.stream_client import StreamClient


@pytest.fixture
def prefix(shared_edge: Any) -> str:
    """All tests here have one edge, and users of their own."""
    return str(shared_edge.prefix)


@pytest.fixture
def user() -> str:
    return f"ann-{token_hex(4)}"


def stream(edge: Any, user: str, device: str = "phone", **how: Any) -> StreamClient:
    return StreamClient(edge.port, user, device, **how)


async def test_a_plain_stream_gets_the_conversation_in_order(
    shared_edge: Any, user: str, agent: Any
) -> None:
    async with stream(shared_edge, user) as events, shared_edge.client() as client:
        system = await events.receive("system")
        await client.auth(user, "desk", capabilities=["ack"])

        await client.text("hello")
        await agent.answer(system["session_id"], "hi")

        texts = [await events.receive("text") for _ in range(2)]
        assert system["recovered"] is False
        assert [(text["seq"], text["role"]) for text in texts] == [(1, "user"), (2, "assistant")]
        assert events.source.retry_ms in range(200, 1_200)


async def test_a_stream_with_capabilities_gets_what_it_asked_for(
    shared_edge: Any, user: str, agent: Any
) -> None:
    async with (
        stream(shared_edge, user, capabilities="deltas,turns") as events,
        shared_edge.client() as client,
    ):
        session = (await events.receive("system"))["session_id"]
        await client.auth(user, "desk", capabilities=["ack"])
        await client.text("hello", message_id="m1")
        await agent.take(session)
        await agent.write("go")
        await agent.write("od")
        await agent.show("think", {"at": 1})
        await agent.commit("good")

        seen = [await events.next()]
        while seen[-1].get("content") != "good":
            seen.append(await events.next())

    kinds = [frame["type"] for frame in seen if frame["type"] != "turn"]
    assert kinds == ["text", "delta", "delta", "text"]
    assert "event" not in {frame["type"] for frame in seen}


async def test_who_comes_back_gets_exactly_what_was_missed(
    shared_edge: Any, user: str, agent: Any
) -> None:
    async with stream(shared_edge, user) as events, shared_edge.client() as client:
        session = (await events.receive("system"))["session_id"]
        await client.auth(user, "desk", capabilities=["ack"])
        for number in range(5):
            await client.text(f"text {number}", message_id=f"m-{number} ö/%")
        await events.receive("text")
        seen = await events.receive("text")
        here = events.last_id
        await agent.answer_all(session, count=5)
        await client.until("text", content="answer 4")

    async with stream(shared_edge, user, session_id=session, last_id=here) as events:
        system = await events.receive("system")
        before_any = events.last_id
        missed = [await events.receive("text") for _ in range(8)]

    assert seen["seq"] == 2
    assert (system["recovered"], before_any) == (True, here)
    assert [frame["seq"] for frame in missed] == list(range(3, 11))


async def test_a_reader_that_never_saw_an_event_comes_back_to_where_it_was_greeted(
    shared_edge: Any,
    user: str,
) -> None:
    async with stream(shared_edge, user) as events, shared_edge.client() as client:
        await events.receive("system")
        await client.auth(user, "desk", capabilities=["ack"])
        await client.text("hello")
        await client.receive("ack")

    async with stream(shared_edge, user, last_id=events.last_id) as events:
        system = await events.receive("system")
        assert system["recovered"] is True
        assert (await events.receive("text"))["content"] == "hello"


async def test_who_was_elsewhere_is_told_that_it_was_not_recovered(
    shared_edge: Any, user: str
) -> None:
    async with shared_edge.client() as client:
        await client.auth(user, "desk", capabilities=["ack"])
        for number in range(12):
            await client.text(f"text {number}")
            await client.receive("ack")

    async with stream(shared_edge, user, last_id="1700000000000~2Dabc-3-m1") as events:
        system = await events.receive("system")
        top = events.last_id

    async with stream(shared_edge, user, last_id=top) as again:
        recovered = await again.receive("system")

    assert (system["recovered"], system["has_more"]) == (False, True)
    assert [frame["seq"] for frame in system["history"]] == list(range(3, 13))
    assert recovered["recovered"] is True


async def test_a_clear_leaves_no_gap(shared_edge: Any, user: str, agent: Any) -> None:
    async with stream(shared_edge, user) as events, shared_edge.client() as client:
        session = (await events.receive("system"))["session_id"]
        await client.auth(user, "desk", capabilities=["ack"])
        await client.text("hello")
        await agent.answer(session, "hi")
        await client.command("clear_history")
        await agent.take(session)
        await agent.clear()
        cleared = await events.until("system", cleared=True)

    async with stream(shared_edge, user, last_id=events.last_id) as again:
        system = await again.receive("system")

    assert system["recovered"] is True
    assert system["epoch"] == cleared["epoch"]


async def test_a_lost_tail_is_told_and_its_reader_stands_where_the_log_ends(
    shared_edge: Any, user: str, agent: Any
) -> None:
    async with stream(shared_edge, user) as events, shared_edge.client() as client:
        session = (await events.receive("system"))["session_id"]
        await client.auth(user, "desk", capabilities=["ack"])
        for number in range(3):
            await client.text(f"text {number}")
            await events.receive("text")
        lost = events.last_id

        await agent.lose_tail(session, count=2)
        await client.text("after", message_id="m-after")
        system = await events.until("system", recovered=False)

    async with (
        stream(shared_edge, user, last_id=events.last_id) as again,
        stream(shared_edge, user, "tv", last_id=lost) as late,
    ):
        recovered = [(await each.receive("system"))["recovered"] for each in (again, late)]

    assert system["history"][-1]["content"] == "after"
    assert recovered == [True, False]


async def test_a_reader_that_is_too_slow_is_told_and_comes_back(
    shared_edge: Any, user: str, agent: Any, conversations: RedisConversations
) -> None:
    async with shared_edge.client() as quick:
        session = (await quick.auth(user, "quick", capabilities=["events"]))["session_id"]
        top = await conversations.top(SessionId(session))
        assert top is not None
        body = b'{"type":"event","turn_id":"t1","name":"big","data":"' + b"x" * 100_000 + b'"}'
        message = pack(
            LiveFrame(
                is_log=False,
                type="event",
                epoch=top.epoch,
                seq=top.seq,
                origin=ConnectionId("-"),
                id=top.id,
                body=body,
            )
        )
        with _reader_that_does_not_read(shared_edge, user, session) as slow:
            for _ in range(100):
                await agent.publish(session, message)
                await quick.receive("event")
            await quick.quiet()
            end = await asyncio.wait_for(asyncio.to_thread(_rest_of, slow), 15)

    assert b'event: close\ndata: {"code":4001,"reason":"too slow"}\n\n' in end
    assert end.endswith(b"0\r\n\r\n")


def _reader_that_does_not_read(edge: Any, user: str, session: str) -> socket.socket:
    reader = socket.socket()
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
    reader.settimeout(10)
    reader.connect(("127.0.0.1", edge.port))
    path = f"/v1/stream?session_id={session}&capabilities=events"
    reader.sendall(
        f"GET {path} HTTP/1.1\r\nHost: x\r\nX-Parley-User: {user}\r\nX-Parley-Device: slow\r\n"
        "Connection: close\r\n\r\n".encode()
    )
    assert b"200 OK" in reader.recv(100)
    return reader


def _rest_of(reader: socket.socket) -> bytes:
    end = b""
    while chunk := reader.recv(65_536):
        end = (end + chunk)[-1_000:]
    return end


async def test_a_long_replay_is_paced_by_the_reader(
    shared_edge: Any, user: str, agent: Any
) -> None:
    async with shared_edge.client() as writer, stream(shared_edge, user) as events:
        session = (await events.receive("system"))["session_id"]
        start = events.last_id
        await writer.auth(user, "desk", capabilities=["ack"])
        for number in range(40):
            await writer.text(f"text {number}")
            await writer.receive("ack")
            await agent.answer(session, "x" * 200_000)
            await writer.receive("text")

    async with stream(shared_edge, user, session_id=session, last_id=start) as events:
        await events.receive("system")
        await asyncio.sleep(0.5)
        seqs = [(await events.receive("text"))["seq"] for _ in range(80)]

    assert seqs == list(range(1, 81))


async def test_a_reader_is_a_connection_until_it_is_gone(
    shared_edge: Any, user: str, connections: RedisConnections, eventually: Any
) -> None:
    async def devices() -> list[str]:
        (found,) = await connections.whereabouts([UserId(user)])
        return [each.device for each in found.connections]

    async def nobody() -> bool:
        return await devices() == []

    async with stream(shared_edge, user, "tv") as events:
        await events.receive("system")
        seen = await devices()

    await eventually(nobody)
    assert seen == ["tv"]


async def test_somebody_else_s_session_is_not_streamed(shared_edge: Any, user: str) -> None:
    async with stream(shared_edge, "bob") as events:
        session = (await events.receive("system"))["session_id"]

    query = f"?session_id={session}&user_id=eve&device_id=tv"
    status, problem = await _refused(shared_edge, {}, query)

    assert (status, problem["code"]) == (403, "FORBIDDEN")


async def test_a_page_s_event_source_says_everything_in_its_url(
    shared_edge: Any, user: str
) -> None:
    url = f"http://127.0.0.1:{shared_edge.port}/v1/stream"
    query = {"user_id": f"zoë-{user}", "device_id": "täb", "new_session": "true"}
    sessions = []
    async with httpx.AsyncClient(timeout=10) as http:
        for last_id in ("", "x-0-"):
            headers = {"Last-Event-ID": last_id} if last_id else {}
            async with http.stream("GET", url, params=query, headers=headers) as reply:
                event = await anext(line async for line in reply.aiter_lines() if "system" in line)
            sessions.append(json.loads(event.removeprefix("data: "))["session_id"])

    # The second time it only comes back.
    assert sessions[0] == sessions[1]


async def _refused(
    edge: Any, headers: dict[str, str], query: str = ""
) -> tuple[int, dict[str, Any]]:
    async with httpx.AsyncClient() as http:
        reply = await http.get(
            f"http://127.0.0.1:{edge.port}/v1/stream{query}", headers=headers, timeout=10
        )
    return reply.status_code, json.loads(reply.content)


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("", 400, "INVALID_MESSAGE"),
        ("?user_id=ann", 400, "INVALID_MESSAGE"),
        ("?user_id=&device_id=tv", 400, "INVALID_MESSAGE"),
        ("?user_id=ann&device_id=tv&mode=push", 400, "INVALID_MESSAGE"),
        ("?user_id=ann&device_id=tv&mode=poll&wait=61", 400, "INVALID_MESSAGE"),
        ("?user_id=ann&device_id=tv&mode=poll&wait=nan", 400, "INVALID_MESSAGE"),
        ("?user_id=ann&device_id=tv&last_event_id=7", 400, "INVALID_MESSAGE"),
        ("?user_id=ann&device_id=tv&session_id=33deadbeef", 404, "SESSION_NOT_FOUND"),
        ("?user_id=ann&device_id=tv&session_id=nonsense", 404, "SESSION_NOT_FOUND"),
    ],
)
async def test_what_cannot_be_streamed_is_refused(
    shared_edge: Any, query: str, status: int, code: str
) -> None:
    found = await _refused(shared_edge, {}, query)

    assert (found[0], found[1]["code"]) == (status, code)
