"""A WebSocket client that costs a load generator next to nothing: callbacks, no task, no copy."""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections.abc import Sequence
from typing import TypeVar, cast

from parley_testing.edge_bench.frames import (
    CLOSE,
    PING,
    PONG,
    TEXT,
    FrameParser,
    agrees_to_deflate,
    masked,
    upgrade,
)

_SWITCHING = b"HTTP/1.1 101"
_SOURCES = itertools.cycle(f"127.0.0.{number}" for number in range(2, 10))
"""Each address has ports of its own: one alone runs out of them while old ones rest."""
_OPEN_WITHIN = 30.0


class Refused(Exception):
    """The server did not open the WebSocket; its status line says why."""


class Socket(asyncio.Protocol):
    """One connection. Its users derive from it and say what a text frame means to them."""

    def __init__(self, *, path: str = "/ws", deflates: bool = False) -> None:
        """`deflates`: offer it, and be refused by a server that does not agree."""
        self.close_code: int | None = None
        self.closed = asyncio.get_running_loop().create_future()
        """Done when the connection is gone, however it ended."""
        self.opened: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        """Empty when it is open, else why it is not."""
        self._path = path
        self._deflates = deflates
        self._head = b""
        self._parser = FrameParser(self._on_frame, inflates=deflates)
        self._transport: asyncio.Transport | None = None

    # For those who derive

    def greet(self) -> None:
        """The WebSocket is open: say the first word."""

    def received(self, data: bytes, start: int, end: int) -> None:
        """A text frame came; its payload is `data[start:end]`."""

    def lost(self) -> None:
        """The connection is gone."""

    # For all

    def send(self, payload: bytes) -> None:
        """One text frame."""
        self._write(masked(payload))

    def close(self, code: int = 1000) -> None:
        """As a client that leaves in order does; the server closes the socket."""
        self._write(masked(code.to_bytes(2), opcode=CLOSE))

    def abort(self) -> None:
        """Without a word."""
        if self._transport is not None:
            self._transport.abort()

    def stop_reading(self) -> None:
        """From now on the server's bytes stay in the kernel."""
        if self._transport is not None:
            self._transport.pause_reading()

    # From the loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._write(upgrade(self._path, host="127.0.0.1", deflates=self._deflates))

    def data_received(self, data: bytes) -> None:
        if self.opened.done():
            self._parser.feed(data)
            return
        self._head += data
        head, found, rest = self._head.partition(b"\r\n\r\n")
        if found:
            self._upgraded(head, rest)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.opened.done():
            self.opened.set_result(f"lost before it was open: {exc}")
        if not self.closed.done():
            self.closed.set_result(None)
        self.lost()

    def _upgraded(self, head: bytes, rest: bytes) -> None:
        why = ""
        if not head.startswith(_SWITCHING):
            why = head.partition(b"\r\n")[0].decode()
        elif agrees_to_deflate(head) != self._deflates:
            why = f"deflate: offered is {self._deflates}, and the server disagrees"
        if why:
            self.opened.set_result(why)
            self.abort()
            return
        self._head = b""
        self.opened.set_result("")
        self.greet()
        if rest:
            self._parser.feed(rest)

    def _on_frame(self, opcode: int, data: bytes, start: int, end: int) -> None:
        if opcode == TEXT:
            self.received(data, start, end)
        elif opcode == PING:
            self._write(masked(data[start:end], opcode=PONG))
        elif opcode == CLOSE and self.close_code is None:
            self.close_code = int.from_bytes(data[start : start + 2])
            self._write(masked(data[start:end], opcode=CLOSE))

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)


AnySocket = TypeVar("AnySocket", bound=Socket)


async def connect(client: AnySocket, *, port: int, receive_buffer: int | None = None) -> AnySocket:
    """Open it; the kernel takes in `receive_buffer` bytes. Raises `Refused`, OSError."""
    loop = asyncio.get_running_loop()
    raw = _raw_socket(receive_buffer)
    async with asyncio.timeout(_OPEN_WITHIN):
        try:
            await loop.sock_connect(raw, ("127.0.0.1", port))
        except BaseException:
            raw.close()
            raise
        await loop.create_connection(lambda: client, sock=raw)
        why = await client.opened
    if why:
        raise Refused(why)
    return client


def _raw_socket(receive_buffer: int | None) -> socket.socket:
    raw = socket.socket()
    raw.setblocking(False)  # noqa: FBT003  # the standard library's
    if receive_buffer is not None:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    raw.bind((next(_SOURCES), 0))
    return raw


async def connect_all(
    clients: Sequence[Socket], *, port: int, at_once: int = 64, receive_buffer: int | None = None
) -> None:
    """Open them, so many at a time. Raises `Refused`, OSError."""
    waiting = iter(clients)

    async def open_some() -> None:
        for client in waiting:
            await connect(client, port=port, receive_buffer=receive_buffer)

    await asyncio.gather(*(open_some() for _ in range(at_once)))
