"""WebSocket framing of what the server sends: RFC 6455, section 5.2, never masked or fragmented."""

from __future__ import annotations

import struct

_FINAL_TEXT = 0x81
_SHORT = 126
"""Payloads below have their size in the second byte; there 126 and 127 say that it follows."""
_MEDIUM = 65_536


def text_frame(payload: bytes) -> bytes:
    """The bytes on the wire of one text message."""
    size = len(payload)
    if size < _SHORT:
        return bytes((_FINAL_TEXT, size)) + payload
    if size < _MEDIUM:
        return struct.pack("!BBH", _FINAL_TEXT, 126, size) + payload
    return struct.pack("!BBQ", _FINAL_TEXT, 127, size) + payload
