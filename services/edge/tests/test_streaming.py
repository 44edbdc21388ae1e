"""Events over HTTP: the same conversation as over a WebSocket, with the same promises."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
from typing import Any

import httpx
import pytest

from parley_core.domain.ids import ConnectionId, SessionId, UserId
from parley_core.domain.live import LiveFrame, pack
from parley_core.redis.connections import RedisConnections
from parley_core.redis.conversations import RedisConversations
from parley_testing.stream_client import StreamClient, StreamEnded

EVERYTHING = "ack,deltas,turns,presence,typing,events"


def stream(edge: Any, user: str = "ann", device: str = "phone", **how: Any) -> StreamClient:
    return StreamClient(edge.port, user, device, **how)


async def test_a_plain_stream_gets_the_conversation_in_order(edge: Any, agent: Any) -> None:
    async with stream(edge) as events, edge.client() as client:
        system = await events.receive("system")
        await client.auth("ann", "desk", capabilities=["ack"])

        await client.text("hello")
        await agent.answer(system["session_id"], "hi")

        texts = [await events.receive("text") for _ in range(2)]
        assert system["recovered"] is False
        assert [(text["seq"], text["role"]) for text in texts] == [(1, "user"), (2, "assistant")]
        assert events.source.retry_ms in range(200, 1_200)


async def test_a_stream_with_capabilities_gets_what_it_asked_for(edge: Any, agent: Any) -> None:
    async with stream(edge, capabilities="deltas,turns") as events, edge.client() as client:
        session = (await events.receive("system"))["session_id"]
        await client.auth("ann", "desk", capabilities=["ack"])
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


async def test_who_comes_back_gets_exactly_what_was_missed(edge: Any, agent: Any) -> None:
    async with stream(edge) as events, edge.client() as client:
        session = (await events.receive("system"))["session_id"]
        await client.auth("ann", "desk", capabilities=["ack"])
        for number in range(5):
            await client.text(f"text {number}", message_id=f"m-{number} ö/%")
        await events.receive("text")
        seen = await events.receive("text")
        here = events.last_id
        await agent.answer_all(session, count=5)
        await client.until("text", content="answer 4")

    async with stream(edge, session_id=session, last_id=here) as events:
        system = await events.receive("system")
        before_any = events.last_id
        missed = [await events.receive("text") for _ in range(8)]

    assert seen["seq"] == 2
    assert (system["recovered"], before_any) == (True, here)
    assert [frame["seq"] for frame in missed] == list(range(3, 11))


async def test_a_reader_that_never_saw_an_event_comes_back_to_where_it_was_greeted(
    edge: Any,
) -> None:
    async with stream(edge) as events, edge.client() as client:
        await events.receive("system")
        await client.auth("ann", "desk", capabilities=["ack"])
        await client.text("hello")
        await client.receive("ack")

    async with stream(edge, last_id=events.last_id) as events:
        system = await events.receive("system")
        assert system["recovered"] is True
        assert (await events.receive("text"))["content"] == "hello"


async def test_who_was_elsewhere_is_told_that_it_was_not_recovered(edge: Any) -> None:
    async with edge.client() as client:
        await client.auth("ann", "desk", capabilities=["ack"])
        for number in range(12):
            await client.text(f"text {number}")
            await client.receive("ack")

    async with stream(edge, last_id="1700000000000%2Dabc-3-m1") as events:
        system = await events.receive("system")
        top = events.last_id

    async with stream(edge, last_id=top) as again:
        recovered = await again.receive("system")

    assert (system["recovered"], system["has_more"]) == (False, True)
    assert [frame["seq"] for frame in system["history"]] == list(range(3, 13))
    assert recovered["recovered"] is True


async def test_a_clear_leaves_no_gap(edge: Any, agent: Any) -> None:
    async with stream(edge) as events, edge.client() as client:
        session = (await events.receive("system"))["session_id"]
        await client.auth("ann", "desk", capabilities=["ack"])
        await client.text("hello")
        await agent.answer(session, "hi")
        await client.command("clear_history")
        await agent.take(session)
        await agent.clear()
        cleared = await events.until("system", cleared=True)

    async with stream(edge, last_id=events.last_id) as again:
        system = await again.receive("system")

    assert system["recovered"] is True
    assert system["epoch"] == cleared["epoch"]


async def test_an_edge_dies_and_its_readers_lose_nothing(new_edge: Any, agent: Any) -> None:
    seqs: list[int] = []
    async with new_edge() as first, new_edge(SERVER_ID="edge-2") as second:
        async with stream(first) as events, second.client() as client:
            session = (await events.receive("system"))["session_id"]
            await client.auth("ann", "desk", capabilities=["ack"])
            for number in range(20):
                await client.text(f"text {number}")
                if number == 10:
                    first.signal(signal.SIGKILL)
            with pytest.raises(StreamEnded):
                while True:
                    seqs.append((await events.next())["seq"])
        async with stream(second, session_id=session, last_id=events.last_id) as events:
            system = await events.receive("system")
            while len(seqs) < 20:
                seqs.append((await events.receive("text"))["seq"])

    assert system["recovered"] is True
    assert seqs == list(range(1, 21))


async def test_a_reader_that_is_too_slow_is_told_and_comes_back(
    edge: Any, agent: Any, conversations: RedisConversations
) -> None:
    async with edge.client() as quick:
        session = (await quick.auth("ann", "quick", capabilities=["events"]))["session_id"]
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
        with _reader_that_does_not_read(edge, session) as slow:
            for _ in range(100):
                await agent.publish(session, message)
                await quick.receive("event")
            await quick.quiet()
            end = await asyncio.wait_for(asyncio.to_thread(_rest_of, slow), 15)

    assert b'event: close\ndata: {"code":4001,"reason":"too slow"}\n\n' in end
    assert end.endswith(b"0\r\n\r\n")


def _reader_that_does_not_read(edge: Any, session: str) -> socket.socket:
    reader = socket.socket()
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
    reader.settimeout(10)
    reader.connect(("127.0.0.1", edge.port))
    path = f"/v1/stream?session_id={session}&capabilities=events"
    reader.sendall(
        f"GET {path} HTTP/1.1\r\nHost: x\r\nX-Parley-User: ann\r\nX-Parley-Device: slow\r\n"
        "Connection: close\r\n\r\n".encode()
    )
    assert b"200 OK" in reader.recv(100)
    return reader


def _rest_of(reader: socket.socket) -> bytes:
    end = b""
    while chunk := reader.recv(65_536):
        end = (end + chunk)[-1_000:]
    return end


async def test_a_long_replay_is_paced_by_the_reader(edge: Any, agent: Any) -> None:
    async with edge.client() as writer, stream(edge) as events:
        session = (await events.receive("system"))["session_id"]
        start = events.last_id
        await writer.auth("ann", "desk", capabilities=["ack"])
        for number in range(40):
            await writer.text(f"text {number}")
            await writer.receive("ack")
            await agent.answer(session, "x" * 200_000)
            await writer.receive("text")

    async with stream(edge, session_id=session, last_id=start) as events:
        await events.receive("system")
        await asyncio.sleep(0.5)
        seqs = [(await events.receive("text"))["seq"] for _ in range(80)]

    assert seqs == list(range(1, 81))


# Presence, and the ends:


async def test_a_reader_is_a_connection_until_it_is_gone(
    edge: Any, connections: RedisConnections, eventually: Any
) -> None:
    async def count() -> int:
        (found,) = await connections.whereabouts([UserId("ann")])
        return len(found.connections)

    async def nobody() -> bool:
        return await count() == 0

    async with stream(edge, device="tv") as events:
        await events.receive("system")
        (found,) = await connections.whereabouts([UserId("ann")])
        metrics = await _metrics(edge)

    await eventually(nobody)
    assert [each.device for each in found.connections] == ["tv"]
    assert "parley_edge_connections 1.0" in metrics
    assert "parley_edge_connections 0.0" in await _metrics(edge)


async def _metrics(edge: Any) -> str:
    async with httpx.AsyncClient() as http:
        return (await http.get(f"{edge.admin_url}/metrics")).text


async def test_streams_count_among_a_user_s_connections(new_edge: Any) -> None:
    async with new_edge(MAX_CONNECTIONS_PER_USER="1") as edge, stream(edge) as events:
        await events.receive("system")

        status, problem = await _refused(edge, {"X-Parley-User": "ann", "X-Parley-Device": "tv"})

    assert (status, problem["code"]) == (403, "FORBIDDEN")


async def test_a_drain_ends_a_plain_stream_and_asks_another_to_go(new_edge: Any) -> None:
    async with (
        new_edge() as edge,
        new_edge(SERVER_ID="edge-2") as other,
        stream(edge) as plain,
        stream(edge, device="tv", capabilities="ack") as knowing,
    ):
        await plain.receive("system")
        await knowing.receive("system")

        edge.signal(signal.SIGTERM)
        code = await plain.closed()
        asked = await knowing.receive("reconnect")
        async with stream(other, last_id=plain.last_id) as again:
            system = await again.receive("system")
        await knowing._stack.aclose()
        exit_code = await edge.wait_exit()

    assert (code, asked["reason"], exit_code) == (1012, "drain", 0)
    assert system["recovered"] is True


async def test_a_stream_that_stays_is_closed_at_the_deadline(new_edge: Any) -> None:
    async with new_edge(DRAIN_TIMEOUT="1") as edge, stream(edge, capabilities="ack") as events:
        await events.receive("system")

        edge.signal(signal.SIGTERM)

        assert await events.closed() == 1012
        assert await edge.wait_exit() == 0


async def test_a_silent_stream_is_kept_awake(edge: Any) -> None:
    async with stream(edge) as events:
        await events.receive("system")
        chunk = await asyncio.wait_for(anext(events._chunks), 20)

    assert chunk == b":\n\n"


# Who may, and what is refused:


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
    assert "parley_edge_connections 0.0" in await _metrics(shared_edge)


async def test_somebody_else_s_session_is_not_streamed(shared_edge: Any) -> None:
    async with stream(shared_edge, "bob") as events:
        session = (await events.receive("system"))["session_id"]

    query = f"?session_id={session}&user_id=eve&device_id=tv"
    status, problem = await _refused(shared_edge, {}, query)

    assert (status, problem["code"]) == (403, "FORBIDDEN")


async def test_a_page_s_event_source_says_everything_in_its_url(shared_edge: Any) -> None:
    url = f"http://127.0.0.1:{shared_edge.port}/v1/stream"
    query = {"user_id": "zoë", "device_id": "täb", "new_session": "true"}
    sessions = []
    async with httpx.AsyncClient(timeout=10) as http:
        for last_id in ("", "x-0-"):
            headers = {"Last-Event-ID": last_id} if last_id else {}
            async with http.stream("GET", url, params=query, headers=headers) as reply:
                event = await anext(line async for line in reply.aiter_lines() if "system" in line)
            sessions.append(json.loads(event.removeprefix("data: "))["session_id"])

    # The second time it only comes back.
    assert sessions[0] == sessions[1]


# Polls:


async def poll(edge: Any, *, last_id: str = "", wait: float = 5, **query: Any) -> Any:
    headers = {"X-Parley-User": "ann", "X-Parley-Device": "phone"}
    if last_id:
        headers["Last-Event-ID"] = last_id
    async with httpx.AsyncClient(timeout=15) as http:
        reply = await http.get(
            f"http://127.0.0.1:{edge.port}/v1/stream",
            params={"mode": "poll", "wait": wait, **query},
            headers=headers,
        )
    assert reply.status_code == 200, reply.text
    return reply.json()


async def test_a_first_poll_says_where_the_session_is_at_once(edge: Any) -> None:
    async with asyncio.timeout(3):
        first = await poll(edge, wait=30)

    (system,) = first["events"]
    assert (system["type"], system["recovered"], first["closed"]) == ("system", False, None)
    assert first["last_event_id"].endswith("-0-")


async def test_a_poll_waits_for_the_first_event(edge: Any, agent: Any) -> None:
    first = await poll(edge)
    async with edge.client() as client, asyncio.TaskGroup() as group:
        await client.auth("ann", "desk", capabilities=["ack"])
        waiting = group.create_task(poll(edge, last_id=first["last_event_id"], wait=30))
        await _connections(edge, 2)
        await client.text("hello")
        async with asyncio.timeout(3):
            found = await waiting

    system, text = found["events"]
    assert (system["recovered"], text["content"]) == (True, "hello")


async def _connections(edge: Any, count: int) -> None:
    async with asyncio.timeout(5):
        while f"parley_edge_connections {count}.0" not in await _metrics(edge):
            await asyncio.sleep(0.02)


async def test_a_poll_that_nothing_came_for_ends_where_it_began(edge: Any) -> None:
    first = await poll(edge)

    found = await poll(edge, last_id=first["last_event_id"], wait=0.3)

    assert [frame["type"] for frame in found["events"]] == ["system"]
    assert found["last_event_id"] == first["last_event_id"]


async def test_polls_bring_everything_once_and_in_order(edge: Any, agent: Any) -> None:
    first = await poll(edge)
    session, here = first["events"][0]["session_id"], first["last_event_id"]
    async with edge.client() as client:
        await client.auth("ann", "desk", capabilities=["ack"])
        for number in range(10):
            await client.text(f"text {number}")
            await client.receive("ack")
            await agent.answer(session, "y" * 60_000)
            await client.receive("text")

    seqs: list[int] = []
    replies = 0
    while len(seqs) < 20:
        found = await poll(edge, last_id=here, wait=0)
        here, replies = found["last_event_id"], replies + 1
        assert found["events"][0]["recovered"] is True
        seqs += [frame["seq"] for frame in found["events"][1:]]

    assert seqs == list(range(1, 21))
    assert replies > 1


async def test_a_poller_is_online_between_its_polls(
    edge: Any, connections: RedisConnections
) -> None:
    first = await poll(edge)
    await poll(edge, last_id=first["last_event_id"], wait=0)
    (found,) = await connections.whereabouts([UserId("ann")])

    assert found.last_seen is None or found.online


async def test_a_poll_whose_client_is_gone_is_over(edge: Any) -> None:
    first = await poll(edge)
    waiting = asyncio.create_task(poll(edge, last_id=first["last_event_id"], wait=60))
    await _connections(edge, 1)

    waiting.cancel()

    await _connections(edge, 0)


async def test_a_drain_ends_a_poll(new_edge: Any) -> None:
    async with new_edge() as edge:
        first = await poll(edge)
        waiting = asyncio.create_task(poll(edge, last_id=first["last_event_id"], wait=60))
        await _connections(edge, 1)

        edge.signal(signal.SIGTERM)
        found = await asyncio.wait_for(waiting, 5)

        assert found["closed"] == {"code": 1012, "reason": "drained"}
        assert found["last_event_id"] == first["last_event_id"]
        assert await edge.wait_exit() == 0
