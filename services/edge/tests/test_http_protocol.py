"""What the edge's HTTP connections have that uvicorn's have not."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from parley_core.redis.client import RedisClient
from parley_core.redis.keys import Keys
from parley_core.serving import HttpServer
from parley_edge.http.protocol import DEAF, TRANSPORT, EdgeHttpProtocol
from parley_edge.websocket.protocol import EXTENSION, EdgeProtocol
from parley_testing.edge_api import EdgeApiPlace
from parley_testing.ports import free_port

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the option is Linux's")


class Asked:
    """An application that looks at the socket under it as the answer of `app` begins."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.patience: dict[str, float] = {}
        """Seconds, by path."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        transport = self._transport(scope)

        async def look(message: Message) -> None:
            raw = transport.get_extra_info("socket")
            seconds = raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) / 1000
            self.patience.setdefault(scope["path"], seconds)
            await send(message)

        await self._app(scope, receive, look)

    def _transport(self, scope: Scope) -> asyncio.Transport:
        extensions: dict[str, Any] = scope["extensions"]
        if scope["type"] == "http":
            transport: asyncio.Transport = extensions[TRANSPORT]
            return transport
        handshake: EdgeProtocol = extensions[EXTENSION]
        return handshake.transport


@pytest.fixture
def asked(redis_client: RedisClient, keys: Keys) -> Asked:
    return Asked(EdgeApiPlace(redis_client, keys).app())


@pytest.fixture
async def server(asked: Asked) -> AsyncIterator[HttpServer]:
    made = HttpServer(
        asked, host="127.0.0.1", port=free_port(), http=EdgeHttpProtocol, ws=EdgeProtocol
    )
    await made.start()
    yield made
    await made.stop()


@pytest.mark.parametrize("mode", ["stream", "poll"])
async def test_a_reader_that_acknowledges_nothing_is_lost_by_the_kernel(
    server: HttpServer, asked: Asked, mode: str
) -> None:
    query = {"mode": mode, "user_id": "ann", "device_id": "tv", "session_id": "nonsense"}
    async with httpx.AsyncClient() as http:
        await http.get(f"http://127.0.0.1:{server.port}/v1/stream", params=query)

    assert asked.patience == {"/v1/stream": DEAF}


async def test_what_does_not_last_costs_no_system_call(server: HttpServer, asked: Asked) -> None:
    async with httpx.AsyncClient() as http:
        await http.get(f"http://127.0.0.1:{server.port}/openapi.json")
    with pytest.raises(InvalidStatus, match="403"):
        async with connect(f"ws://127.0.0.1:{server.port}/ws"):
            pass

    assert asked.patience == {"/openapi.json": 0, "/ws": 0}
