"""The protocol class on real sockets, with pings in a hurry."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from parley_core.domain.codes import CloseCode
from parley_core.serving import HttpServer
from parley_edge.domain.framing import text_frame
from parley_edge.websocket.protocol import EXTENSION, EdgeProtocol
from parley_edge.websocket.socket import ClientSocket


class Recorder:
    """A listener that writes down what it is told."""

    def __init__(self, socket: ClientSocket) -> None:
        self.socket = socket
        self.messages: list[str | bytes] = []
        self.told: list[str] = []
        self.got = asyncio.Event()
        self.gone = asyncio.Event()

    def received(self, data: str | bytes) -> None:
        self.messages.append(data)
        self.got.set()

    def choked(self) -> None:
        self.told.append("choked")

    def writable(self) -> None:
        self.told.append("writable")

    def closing(self) -> None:
        self.told.append("closing")

    def lost(self) -> None:
        self.told.append("lost")
        self.gone.set()


class Served:
    """A server whose newest connection is at hand."""

    def __init__(self, server: HttpServer) -> None:
        self.server = server
        self.recorders: asyncio.Queue[Recorder] = asyncio.Queue()
        self.sockets: list[ClientSocket] = []

    def connected(self, socket: ClientSocket) -> Recorder:
        recorder = Recorder(socket)
        self.recorders.put_nowait(recorder)
        self.sockets.append(socket)
        return recorder

    async def tick(self) -> None:
        """What the edge does once a second, in a hurry."""
        while True:
            await asyncio.sleep(0.02)
            for socket in self.sockets:
                socket.check(asyncio.get_running_loop().time())

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.server.port}/"

    async def accepted(self) -> Recorder:
        return await asyncio.wait_for(self.recorders.get(), 5)


@asynccontextmanager
async def serving(*, accept_after: float = 0.0, **options: Any) -> AsyncIterator[Served]:
    async def endpoint(websocket: WebSocket) -> None:
        await asyncio.sleep(accept_after)
        handshake: EdgeProtocol = websocket.scope["extensions"][EXTENSION]
        with suppress(WebSocketDisconnect):
            await websocket.accept()
            handshake.hand_over(served.connected)

    app = Starlette(routes=[WebSocketRoute("/", endpoint)])
    server = HttpServer(
        app,
        host="127.0.0.1",
        port=0,
        ws=EdgeProtocol,
        **({"ws_per_message_deflate": False} | options),
    )
    served = Served(server)
    await server.start()
    ticking = asyncio.create_task(served.tick())
    try:
        yield served
    finally:
        ticking.cancel()
        await server.stop()


class Mute(asyncio.Protocol):
    """A peer that shakes hands and is then silent: it answers no ping."""

    def __init__(self) -> None:
        self.received = b""
        self.lost = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        self.received += data

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self.lost.set()


HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


async def mute_peer(served: Served) -> tuple[asyncio.Transport, Mute]:
    transport, peer = await asyncio.get_running_loop().create_connection(
        Mute, "127.0.0.1", served.server.port
    )
    return transport, peer


async def test_a_peer_that_answers_no_ping_is_closed_4000_and_cut() -> None:
    async with serving(ws_ping_interval=0.1, ws_ping_timeout=0.2) as served:
        transport, peer = await mute_peer(served)
        transport.write(HANDSHAKE)
        recorder = await served.accepted()

        await asyncio.wait_for(recorder.gone.wait(), 5)

        assert CloseCode.LOST.to_bytes(2, "big") in peer.received
        assert recorder.told[-2:] == ["closing", "lost"]
        transport.close()


async def test_a_peer_that_answers_pings_stays() -> None:
    async with (
        serving(ws_ping_interval=0.05, ws_ping_timeout=0.2) as served,
        connect(served.url) as client,
    ):
        recorder = await served.accepted()

        await asyncio.sleep(0.6)
        await client.send("still here")
        await asyncio.wait_for(recorder.got.wait(), 5)

        assert recorder.messages == ["still here"]


async def test_no_peer_is_lost_because_we_did_not_read_its_pong() -> None:
    async with (
        serving(ws_ping_interval=0.1, ws_ping_timeout=0.1) as served,
        connect(served.url) as client,
    ):
        recorder = await served.accepted()
        recorder.socket.stop_reading()

        await asyncio.sleep(0.5)
        await client.send("waited")
        recorder.socket.read_on()
        await asyncio.wait_for(recorder.got.wait(), 5)

        assert recorder.messages == ["waited"]


async def test_what_a_peer_sends_before_it_is_accepted_is_not_lost() -> None:
    masked = bytes([0x81, 0x85, 0, 0, 0, 0]) + b"early"
    async with serving(accept_after=0.3) as served:
        transport, _peer = await mute_peer(served)
        transport.write(HANDSHAKE)
        # Not with the handshake: then it is no WebSocket client, and uvicorn drops it.
        await asyncio.sleep(0.1)
        transport.write(masked)
        recorder = await served.accepted()
        await asyncio.wait_for(recorder.got.wait(), 5)
        transport.write(masked)
        recorder.got.clear()
        await asyncio.wait_for(recorder.got.wait(), 5)
        transport.close()

        assert recorder.messages == ["early", "early"]


async def test_a_peer_that_is_gone_before_anybody_listens_is_told_so() -> None:
    async with serving(accept_after=0.2) as served:
        transport, _peer = await mute_peer(served)
        transport.write(HANDSHAKE)
        await asyncio.sleep(0.1)
        transport.abort()

        # Nothing to assert on but the server's own end: no connection is left behind.
        await asyncio.sleep(0.3)
        assert not served.server._server.server_state.connections


async def test_a_close_waits_only_so_long_for_a_peer_that_does_not_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("parley_edge.websocket.socket.CLOSE_TIMEOUT", 0.2)
    async with serving() as served:
        transport, _peer = await mute_peer(served)
        transport.write(HANDSHAKE)
        recorder = await served.accepted()
        transport.pause_reading()
        while recorder.socket.is_writable:
            recorder.socket.write(text_frame(b"x" * 100_000))

        recorder.socket.close(CloseCode.DRAINED)
        await asyncio.wait_for(recorder.gone.wait(), 5)
        transport.abort()


async def test_nothing_is_written_after_a_close() -> None:
    async with serving() as served, connect(served.url) as client:
        recorder = await served.accepted()

        recorder.socket.write(text_frame(b"before"))
        recorder.socket.close(CloseCode.FORBIDDEN)
        recorder.socket.write(text_frame(b"after"))

        assert await client.recv() == "before"
        with pytest.raises(ConnectionClosed) as closed:
            await client.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == CloseCode.FORBIDDEN


async def test_broken_websocket_frames_end_one_connection_only() -> None:
    broken = [b"\xff" * 64, b"\x81\x05hello", b"\x8b\x00", bytes([0x80, 0x80, 0, 0, 0, 0])]
    async with serving() as served, connect(served.url) as client:
        good = await served.accepted()
        for frame in broken:
            transport, peer = await mute_peer(served)
            transport.write(HANDSHAKE)
            recorder = await served.accepted()
            transport.write(frame)
            await asyncio.wait_for(peer.lost.wait(), 5)
            assert recorder.told[-2:] == ["closing", "lost"]

        await client.send("still served")
        await asyncio.wait_for(good.got.wait(), 5)

        assert good.messages == ["still served"]
