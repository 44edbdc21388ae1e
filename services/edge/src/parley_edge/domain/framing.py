"""How what the server sends is written: as RFC 6455, section 5.2, or as server-sent events."""

from __future__ import annotations

import struct
import zlib
from enum import Enum
from typing import NamedTuple

from parley_core.domain.client_frames import Position
from parley_core.domain.ids import Epoch, MessageId, Seq
from parley_edge.domain.event_stream import event

_FINAL_TEXT = 0x81
_COMPRESSED = 0x40
"""RSV1: the payload is deflated (RFC 7692)."""
_SHORT = 126
"""Payloads below have their size in the second byte; there 126 and 127 say that it follows."""
_MEDIUM = 65_536
_WORTH_IT = 64
"""Bytes below which deflate makes a payload longer, if anything."""
WINDOW_BITS = 12
"""Of the deflate window: 4 KB, longer than most frames, and cheap to set up."""
_MEMORY_LEVEL = 5
_TAIL = b"\x00\x00\xff\xff"
"""Ends each flush; RFC 7692 leaves it out on the wire."""


class Place(NamedTuple):
    """Where a log frame stands in its session's log."""

    epoch: Epoch
    seq: Seq
    id: MessageId


class Form(Enum):
    """How frames are written to a client."""

    SOCKET = "WebSocket"
    COMPRESSED = "compressed WebSocket"
    EVENTS = "event stream"

    def write(self, body: bytes, *, place: Place | None = None) -> bytes:
        """A frame's bytes on the wire; `place`: where its reader is then, None if where it was."""
        if self is Form.EVENTS:
            return event(body, at=place and Position(place.epoch, place.seq, place.id or None))
        return compressed_frame(body) if self is Form.COMPRESSED else text_frame(body)


def text_frame(payload: bytes) -> bytes:
    """The bytes on the wire of one text message."""
    return _frame(_FINAL_TEXT, payload)


def compressed_frame(payload: bytes) -> bytes:
    """The same, deflated on its own: no context is taken over, so one frame fits every client."""
    if len(payload) < _WORTH_IT:
        return text_frame(payload)
    deflate = zlib.compressobj(wbits=-WINDOW_BITS, memLevel=_MEMORY_LEVEL)
    deflated = deflate.compress(payload) + deflate.flush(zlib.Z_SYNC_FLUSH)
    return _frame(_FINAL_TEXT | _COMPRESSED, deflated.removesuffix(_TAIL))


def close_frame(code: int, reason: str) -> bytes:
    """The bytes of a close; `reason` is short enough for a control frame."""
    return _frame(0x88, struct.pack("!H", code) + reason.encode())


def ping_frame(payload: bytes) -> bytes:
    return _frame(0x89, payload)


def pong_frame(payload: bytes) -> bytes:
    return _frame(0x8A, payload)


def _frame(first: int, payload: bytes) -> bytes:
    size = len(payload)
    if size < _SHORT:
        return bytes((first, size)) + payload
    if size < _MEDIUM:
        return struct.pack("!BBH", first, 126, size) + payload
    return struct.pack("!BBQ", first, 127, size) + payload
