"""The least that a Python process can do: ready frames, written to each transport.

`python -m ...floor_server PORT CONTROL_PORT`: each frame that arrives on the control port goes
to every WebSocket as it is. Its CPU is the machine's own: no server here can deliver for less.
"""

from __future__ import annotations

import asyncio
import re
import sys
from typing import cast

import uvloop

from parley_testing.edge_bench.frames import FrameParser, plain, upgraded

_KEY = re.compile(rb"sec-websocket-key: *(\S+)", re.IGNORECASE)
_GREETING = plain(b'{"type":"system","session_id":"floor"}')


class Listener(asyncio.Protocol):
    """One WebSocket; it is greeted when it says something."""

    def __init__(self, everyone: set[asyncio.Transport]) -> None:
        self._everyone = everyone
        self._head = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self._transport in self._everyone:
            return
        self._head += data
        key = _KEY.search(self._head)
        if key is not None and self._head.endswith(b"\r\n\r\n"):
            self._transport.write(upgraded(key[1]) + _GREETING)
            self._everyone.add(self._transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # asyncio's
        self._everyone.discard(self._transport)


class Control(asyncio.Protocol):
    """Whoever says what is delivered. Each frame is written by itself, also when several came."""

    def __init__(self, everyone: set[asyncio.Transport]) -> None:
        self._everyone = everyone
        self._parser = FrameParser(self._deliver)

    def data_received(self, data: bytes) -> None:
        self._parser.feed(data)

    def _deliver(self, opcode: int, data: bytes, start: int, end: int) -> None:
        frame = plain(data[start:end], opcode=opcode)
        for transport in self._everyone:
            transport.write(frame)


async def _serve(port: int, control_port: int) -> None:
    everyone: set[asyncio.Transport] = set()
    loop = asyncio.get_running_loop()
    control = await loop.create_server(lambda: Control(everyone), "127.0.0.1", control_port)
    server = await loop.create_server(lambda: Listener(everyone), "127.0.0.1", port, backlog=2048)
    async with control, server:
        await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(*map(int, sys.argv[1:3])))
