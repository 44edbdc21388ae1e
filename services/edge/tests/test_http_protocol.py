"""What the edge's HTTP connections have that uvicorn's have not."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.types import Receive, Scope, Send
from websockets.asyncio.client import connect

from parley_core.serving import HttpServer
from parley_edge.http_protocol import DEAF, TRANSPORT, EdgeHttpProtocol
from parley_edge.protocol import EXTENSION, EdgeProtocol
from parley_testing.ports import free_port

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the option is Linux's")


class Asked:
    """An application that looks at the socket under it."""

    def __init__(self) -> None:
        self.patience: dict[str, int] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        transport = self._transport(scope)
        raw = transport.get_extra_info("socket")
        self.patience[scope["type"]] = raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 204})
            await send({"type": "http.response.body"})
        else:
            await receive()
            await send({"type": "websocket.close"})

    def _transport(self, scope: Scope) -> asyncio.Transport:
        extensions: dict[str, Any] = scope["extensions"]
        if scope["type"] == "http":
            transport: asyncio.Transport = extensions[TRANSPORT]
            return transport
        handshake: EdgeProtocol = extensions[EXTENSION]
        return handshake.transport


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.fixture
async def server(asked: Asked) -> AsyncIterator[HttpServer]:
    made = HttpServer(
        asked, host="127.0.0.1", port=free_port(), http=EdgeHttpProtocol, ws=EdgeProtocol
    )
    await made.start()
    yield made
    await made.stop()


async def test_a_peer_that_acknowledges_nothing_is_lost_by_the_kernel(
    server: HttpServer, asked: Asked
) -> None:
    async with httpx.AsyncClient() as http:
        await http.get(f"http://127.0.0.1:{server.port}/")

    assert asked.patience == {"http": round(DEAF * 1000)}


async def test_a_websocket_has_pings_instead(server: HttpServer, asked: Asked) -> None:
    with pytest.raises(Exception, match="403"):
        async with connect(f"ws://127.0.0.1:{server.port}/"):
            pass

    assert asked.patience == {"websocket": 0}
