"""The opening handshake of a WebSocket where nothing is unusual: RFC 6455, section 4.2."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha1
from typing import NamedTuple

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_KEY = re.compile(rb"[A-Za-z0-9+/]{21}[AQgw]==")
"""Sixteen bytes in base 64."""


class Opening(NamedTuple):
    """A request that can be accepted as it is."""

    target: bytes
    headers: list[tuple[bytes, bytes]]
    """Names in lower case."""
    key: bytes
    subprotocols: list[str]
    """Offered, in the client's order."""
    offers_extensions: bool


def opening(request: bytes) -> Opening | None:
    """What a whole GET request asks for, its names in lower case; None if it is not the usual."""
    head, _, rest = request.partition(b"\r\n\r\n")
    line, *fields = head.split(b"\r\n")
    words = line.split(b" ")
    if rest or len(words) != len(("GET", "target", "HTTP/1.1")) or not line.isascii():
        return None
    headers = [
        (name, value.strip()) for name, _, value in (each.partition(b":") for each in fields)
    ]
    named = dict(headers)
    key = named.get(b"sec-websocket-key", b"")
    is_usual = len(named) == len(headers) and named.get(b"sec-websocket-version") == b"13"
    if not is_usual or not _KEY.fullmatch(key):
        return None
    offered = named.get(b"sec-websocket-protocol", b"").decode("latin-1")
    return Opening(
        words[1],
        headers,
        key,
        [name.strip() for name in offered.split(",") if name.strip()],
        b"sec-websocket-extensions" in named,
    )


def acceptance(key: bytes, headers: list[tuple[bytes, bytes]]) -> bytes:
    """The answer that opens the WebSocket, with these headers beside its own."""
    accept = b64encode(sha1(key + _GUID, usedforsecurity=False).digest())
    more = b"".join(b"%s: %s\r\n" % header for header in headers)
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: %s\r\n%s\r\n" % (accept, more)
    )
