"""A WebSocket by hand: every byte that goes out is the test's own."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN, Protocol, Side

_WITHIN = 10.0
"""Seconds that an answer may take."""
KEY = b"\x01\x02\x03\x04"
_HANDSHAKE = (
    b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


def client_frame(first: int, payload: bytes, *, is_masked: bool = True) -> bytes:
    """A frame as a client sends it, right or wrong. `first` is its first byte."""
    size, mask_bit = len(payload), 0x80 if is_masked else 0
    if size <= 125:
        head = bytes([first, mask_bit | size])
    else:
        head = bytes([first, mask_bit | 126]) + size.to_bytes(2, "big")
    if not is_masked:
        return head + payload
    return head + KEY + bytes(byte ^ KEY[at % 4] for at, byte in enumerate(payload))


class RawSocket:
    """`async with RawSocket(port) as socket:`; every wait is bounded."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._reading = Protocol(Side.CLIENT, state=OPEN)
        self._frames: list[Frame] = []

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._writer.write(_HANDSHAKE)
        async with asyncio.timeout(_WITHIN):
            await self._reader.readuntil(b"\r\n\r\n")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._writer.transport.abort()

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        async with asyncio.timeout(_WITHIN):
            await self._writer.drain()

    def end_of_input(self) -> None:
        """Close this half of the connection only."""
        self._writer.write_eof()

    async def next(self) -> Frame:
        """The server's next frame, a control frame or not. Raises EOFError if none comes."""
        while not self._frames:
            data = await self._read()
            if not data:
                raise EOFError
            self._reading.receive_data(data)
            events = self._reading.events_received()
            self._frames += [event for event in events if isinstance(event, Frame)]
        return self._frames.pop(0)

    async def closed_with(self) -> int | None:
        """The code of the server's close; None if the connection ends without one."""
        try:
            while (frame := await self.next()).opcode is not Opcode.CLOSE:
                pass
        except (EOFError, ConnectionError):
            return None
        return int.from_bytes(frame.data[:2], "big")

    async def ended(self) -> None:
        """Returns when the server has closed the connection."""
        while await self._read():
            pass

    async def _read(self) -> bytes:
        async with asyncio.timeout(_WITHIN):
            return await self._reader.read(65_536)
