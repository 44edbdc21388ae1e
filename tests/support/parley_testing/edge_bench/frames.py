"""RFC 6455 as a load generator needs it: frames cut out of a stream, frames to send, the upgrade.

A server's frames are never masked, and the load is JSON in single text frames; a fragment is
refused as what no server of this benchmark sends.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import struct
from collections.abc import Callable

TEXT = 0x1
CLOSE = 0x8
PING = 0x9
PONG = 0xA

OnFrame = Callable[[int, bytes, int, int], None]
"""Gets the opcode, the buffer, and where in it the payload begins and ends."""

_FINAL = 0x80
_MASKED = 0x80
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_UNTIL_16_BIT = 126
_UNTIL_64_BIT = 127


class ProtocolViolation(Exception):
    """The server sent what no server may send, or what none of this benchmark does."""


class FrameParser:
    """Calls `on_frame` for each frame that is whole; what is not waits for more."""

    __slots__ = ("_on_frame", "_rest")

    def __init__(self, on_frame: OnFrame) -> None:
        self._on_frame = on_frame
        self._rest = b""

    def feed(self, data: bytes) -> None:
        """Raises `ProtocolViolation`."""
        if self._rest:
            data = self._rest + data
            self._rest = b""
        at, size = 0, len(data)
        while size - at >= 2:  # the shortest header
            opcode, start, end = _header(data, at)
            if end > size:
                break
            self._on_frame(opcode, data, start, end)
            at = end
        if at < size:
            self._rest = data[at:]


def _header(data: bytes, at: int) -> tuple[int, int, int]:
    """Opcode, begin and end of the payload; an end past all that can be where more must come."""
    first, length = data[at], data[at + 1]
    if not first & _FINAL or first & 0x70 or length & _MASKED:
        raise ProtocolViolation(f"expected whole, plain frames, got {data[at : at + 2].hex()}")
    start = at + 2
    if length == _UNTIL_16_BIT:
        start += 2
    elif length == _UNTIL_64_BIT:
        start += 8
    if start > len(data):
        return first & 0xF, start, start
    if start > at + 2:
        length = int.from_bytes(data[at + 2 : start])
    return first & 0xF, start, start + length


def masked(payload: bytes, *, opcode: int = TEXT) -> bytes:
    """One frame as a client sends it."""
    key = secrets.token_bytes(4)
    size = len(payload)
    repeated = key * (size // 4 + 1)
    hidden = int.from_bytes(payload) ^ int.from_bytes(repeated[:size])
    return _opening(opcode, size, _MASKED) + key + hidden.to_bytes(size)


def plain(payload: bytes, *, opcode: int = TEXT) -> bytes:
    """One frame as a server sends it."""
    return _opening(opcode, len(payload), 0) + payload


def _opening(opcode: int, size: int, mask: int) -> bytes:
    if size < _UNTIL_16_BIT:
        return bytes((_FINAL | opcode, mask | size))
    if size < 1 << 16:
        return struct.pack("!BBH", _FINAL | opcode, mask | _UNTIL_16_BIT, size)
    return struct.pack("!BBQ", _FINAL | opcode, mask | _UNTIL_64_BIT, size)


def upgrade(path: str, *, host: str) -> bytes:
    """The request that opens a WebSocket."""
    key = base64.b64encode(secrets.token_bytes(16)).decode()
    lines = (
        f"GET {path} HTTP/1.1",
        f"Host: {host}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key}",
        "Sec-WebSocket-Version: 13",
    )
    return "\r\n".join((*lines, "", "")).encode()


def upgraded(key: bytes) -> bytes:
    """The reply to a request with this key."""
    accept = base64.b64encode(hashlib.sha1(key + _GUID).digest())  # noqa: S324  # RFC 6455's own
    lines = (
        b"HTTP/1.1 101 Switching Protocols",
        b"Upgrade: websocket",
        b"Connection: Upgrade",
        b"Sec-WebSocket-Accept: " + accept,
    )
    return b"\r\n".join((*lines, b"", b""))
