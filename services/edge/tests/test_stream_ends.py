"""Streams and polls whose edge drains or dies."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

import httpx
import pytest

from parley_testing.stream_client import StreamClient, poll


def stream(edge: Any, device: str = "phone", **how: Any) -> StreamClient:
    return StreamClient(edge.port, "ann", device, **how)


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
            seqs += [frame["seq"] for frame in await events.rest()]
        async with stream(second, session_id=session, last_id=events.last_id) as events:
            system = await events.receive("system")
            while len(seqs) < 20:
                seqs.append((await events.receive("text"))["seq"])

    assert system["recovered"] is True
    assert seqs == list(range(1, 21))


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
        await knowing.leave()
        exit_code = await edge.wait_exit()

    assert (code, asked["reason"], exit_code) == (1012, "drain", 0)
    assert system["recovered"] is True


async def test_a_stream_that_stays_is_closed_at_the_deadline(new_edge: Any) -> None:
    async with new_edge(DRAIN_TIMEOUT="1") as edge, stream(edge, capabilities="ack") as events:
        await events.receive("system")

        edge.signal(signal.SIGTERM)

        assert await events.closed() == 1012
        assert await edge.wait_exit() == 0


async def test_streams_count_among_a_user_s_connections_and_refused_ones_do_not(
    new_edge: Any,
) -> None:
    async with new_edge(MAX_CONNECTIONS_PER_USER="1") as edge, stream(edge) as events:
        await events.receive("system")

        async with httpx.AsyncClient() as http:
            query = {"user_id": "ann", "device_id": "tv"}
            url = f"http://127.0.0.1:{edge.port}/v1/stream"
            refused = await http.get(url, params=query)
            query |= {"user_id": "eve", "session_id": "33deadbeef"}
            unknown = await http.get(url, params=query)
        await _connected(edge, 1)

    assert (refused.status_code, refused.json()["code"]) == (403, "FORBIDDEN")
    assert unknown.status_code == 404


@pytest.mark.parametrize("capabilities", ["", "ack"])
async def test_a_drain_ends_a_poll(new_edge: Any, capabilities: str) -> None:
    async with new_edge() as edge, new_edge():  # Who else takes connections.
        first = await poll(edge.port, "ann")
        here = first["last_event_id"]
        waiting = asyncio.create_task(
            poll(edge.port, "ann", last_id=here, wait=60, capabilities=capabilities)
        )
        await _connected(edge, 1)

        edge.signal(signal.SIGTERM)
        found = await asyncio.wait_for(waiting, 5)

        kinds = [frame["type"] for frame in found["events"]]
        plain = (["system"], {"code": 1012, "reason": "drained"})
        knowing = (["system", "reconnect"], None)
        assert (kinds, found["closed"]) == (knowing if capabilities else plain)
        assert found["last_event_id"] == here
        assert await edge.wait_exit() == 0


async def _connected(edge: Any, count: int) -> None:
    async with httpx.AsyncClient() as http, asyncio.timeout(5):
        wanted = f"parley_edge_connections {count}.0"
        while wanted not in (await http.get(f"{edge.admin_url}/metrics")).text:
            await asyncio.sleep(0.02)
