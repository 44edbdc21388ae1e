"""RFC 6455 as a load generator needs it: frames cut out of a stream, frames to send, the upgrade.

A server's frames are never masked, and the load is JSON in single text frames; a fragment is
refused as what no server of this benchmark sends. Deflated ones (RFC 7692) are read where they were
agreed, each on its own.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import struct
import zlib
from collections.abc import Callable
from functools import lru_cache

TEXT = 0x1
CLOSE = 0x8
PING = 0x9
PONG = 0xA

OnFrame = Callable[[int, bytes, int, int], None]
"""Gets the opcode, the buffer, and where in it the payload begins and ends."""

DEFLATE = "permessage-deflate; client_max_window_bits"
"""What browsers offer."""

_FINAL = 0x80
_DEFLATED = 0x40
_RESERVED = 0x70
_TAIL = b"\x00\x00\xff\xff"
"""Ends each flush; RFC 7692 leaves it out on the wire."""
_LAST_BLOCK = b"\x01\x00\x00\xff\xff"
"""An empty one: a stream that was whole ends with it, and one that was cut off does not."""
_ALONE = b"server_no_context_takeover"
_MASKED = 0x80
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_UNTIL_16_BIT = 126
_UNTIL_64_BIT = 127


class ProtocolViolation(Exception):
    """The server sent what no server may send, or what none of this benchmark does."""


class FrameParser:
    """Calls `on_frame` for each frame that is whole; what is not waits for more."""

    __slots__ = ("_on_frame", "_refused", "_rest")

    def __init__(self, on_frame: OnFrame, *, inflates: bool = False) -> None:
        """`inflates`: deflated frames may come, and `on_frame` gets what was in them."""
        self._on_frame = on_frame
        self._rest = b""
        self._refused = _RESERVED & ~_DEFLATED if inflates else _RESERVED

    def feed(self, data: bytes) -> None:
        """Raises `ProtocolViolation`."""
        if self._rest:
            data = self._rest + data
            self._rest = b""
        at, size = 0, len(data)
        while size - at >= 2:  # the shortest header
            first, start, end = _header(data, at, refused=self._refused)
            if end > size:
                break
            if first & _DEFLATED:
                self._inflated(first & 0xF, data[start:end])
            else:
                self._on_frame(first & 0xF, data, start, end)
            at = end
        if at < size:
            self._rest = data[at:]

    def _inflated(self, opcode: int, payload: bytes) -> None:
        if opcode != TEXT:
            raise ProtocolViolation(f"expected deflated text only, got opcode {opcode}")
        body = inflated(payload)
        self._on_frame(opcode, body, 0, len(body))


@lru_cache(maxsize=64)
def inflated(payload: bytes) -> bytes:
    """What a frame has that was deflated on its own. Raises `ProtocolViolation`.

    Readers of one session get the same bytes one after the other: that a load generator inflates
    them for each would count as the server's latency.
    """
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        body = inflate.decompress(payload + _TAIL + _LAST_BLOCK)
    except zlib.error as error:
        raise ProtocolViolation(f"expected a frame deflated on its own: {error}") from error
    if not inflate.eof or inflate.unused_data:
        raise ProtocolViolation("expected all of a deflated frame")
    return body


def _header(data: bytes, at: int, *, refused: int) -> tuple[int, int, int]:
    """First byte, begin and end of the payload; an end past all that can be where more must come.

    `refused`: the reserved bits that may not be set.
    """
    first, length = data[at], data[at + 1]
    if not first & _FINAL or first & refused or length & _MASKED:
        raise ProtocolViolation(f"expected whole, plain frames, got {data[at : at + 2].hex()}")
    start = at + 2
    if length == _UNTIL_16_BIT:
        start += 2
    elif length == _UNTIL_64_BIT:
        start += 8
    if start > len(data):
        return first, start, start
    if start > at + 2:
        length = int.from_bytes(data[at + 2 : start])
    return first, start, start + length


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


def upgrade(path: str, *, host: str, deflates: bool = False) -> bytes:
    """The request that opens a WebSocket; `deflates` offers `DEFLATE`."""
    key = base64.b64encode(secrets.token_bytes(16)).decode()
    lines = (
        f"GET {path} HTTP/1.1",
        f"Host: {host}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key}",
        "Sec-WebSocket-Version: 13",
        *((f"Sec-WebSocket-Extensions: {DEFLATE}",) if deflates else ()),
    )
    return "\r\n".join((*lines, "", "")).encode()


def agrees_to_deflate(head: bytes) -> bool:
    """Whether a server's reply says that it deflates each of its frames on its own."""
    for line in head.lower().split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name == b"sec-websocket-extensions":
            extension, *parameters = (part.strip() for part in value.split(b";"))
            return extension == b"permessage-deflate" and _ALONE in parameters
    return False


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
