"""What connected clients see of the HTTP API: real edges, real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest

from parley_testing.edge_api import ANN, BACK_END, TOKEN


@pytest.fixture
async def edges(new_edge: Callable[..., Any]) -> AsyncIterator[list[Any]]:
    """Two that take back ends."""
    made = [new_edge(SERVER_ID=name, SERVICE_TOKEN=TOKEN) for name in ("edge-1", "edge-2")]
    async with AsyncExitStack() as stack:
        await asyncio.gather(*(stack.enter_async_context(each) for each in made))
        yield made


def http_of(edge: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=f"http://127.0.0.1:{edge.port}")


async def broadcast(edge: Any, **body: Any) -> Any:
    async with http_of(edge) as http:
        reply = await http.post("/v1/broadcast", json=body, headers=BACK_END)
    assert reply.status_code == 202
    return reply.json()


async def test_what_a_server_says_comes_live_to_everybody_in_the_session(
    edges: list[Any], agent: Any
) -> None:
    near, far = edges
    async with near.client() as plain, far.client() as client, http_of(near) as http:
        session = (await plain.auth("ann"))["session_id"]
        await client.auth("ann", "desk", capabilities=["ack"])
        path = f"/v1/sessions/{session}/messages"

        await http.post(path, json={"content": "hi", "user_id": "ann"}, headers=BACK_END)
        await http.post(path, json={"content": "mind", "role": "system"}, headers=BACK_END)
        await agent.answer(session, "well")

        for each in (plain, client):
            seen = [await each.receive("text") for _ in range(3)]
            assert [(frame["seq"], frame["role"], frame["content"]) for frame in seen] == [
                (1, "user", "hi"),
                (2, "system", "mind"),
                (3, "assistant", "well"),
            ]


async def test_a_broadcast_comes_to_whom_it_is_for_on_every_edge(edges: list[Any]) -> None:
    near, far = edges
    async with near.client() as ann, far.client() as eve, far.client() as nobody:
        await ann.auth("ann")
        await eve.auth("eve", capabilities=["ack"])

        told = await broadcast(near, notice="to all", all=True, message_id="b 1")
        await broadcast(far, notice="to ann", users=["ann", "zoe"])

        frame = {"type": "system", "notice": "to all", "message_id": "b 1"}
        assert told == {"message_id": "b 1", "edges": 2}
        assert await ann.next() == await eve.next() == frame
        assert (await ann.receive("system"))["notice"] == "to ann"
        await eve.quiet()
        await nobody.auth("eve", "desk")


async def test_a_drain_does_not_wait_for_an_answer_to_a_notice(
    edges: list[Any], agent: Any
) -> None:
    near, far = edges
    async with near.client() as plain, http_of(far) as http:
        session = (await plain.auth("ann"))["session_id"]
        path = f"/v1/sessions/{session}/messages"
        await http.post(path, json={"content": "mind", "role": "system"}, headers=BACK_END)
        await plain.receive("text")

        async with httpx.AsyncClient() as admin:
            await admin.post(f"{near.admin_url}/drain?within=30", headers=BACK_END)

        assert await asyncio.wait_for(plain.closed(), 5) == 1012


async def test_a_drain_waits_for_the_answer_to_what_a_server_said(
    edges: list[Any], agent: Any
) -> None:
    near, far = edges
    async with near.client() as plain, http_of(far) as http:
        session = (await plain.auth("ann"))["session_id"]
        path = f"/v1/sessions/{session}/messages"
        await http.post(path, json={"content": "mind", "role": "system"}, headers=BACK_END)
        await http.post(path, json={"content": "hi"}, headers=ANN)
        await http.post(path, json={"content": "again", "role": "system"}, headers=BACK_END)
        for _ in range(3):
            await plain.receive("text")

        async with httpx.AsyncClient() as admin:
            await admin.post(f"{near.admin_url}/drain?within=30", headers=BACK_END)
            await _asked(admin, near)
        await plain.quiet()
        await agent.answer(session, "well")

        assert (await plain.receive("text"))["content"] == "well"
        assert await asyncio.wait_for(plain.closed(), 5) == 1012


async def _asked(admin: httpx.AsyncClient, edge: Any) -> None:
    async with asyncio.timeout(5):
        while not (await admin.get(f"{edge.admin_url}/drain")).json()["asked"]:
            await asyncio.sleep(0.02)
