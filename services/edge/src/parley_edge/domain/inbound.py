"""What a client sends over its WebSocket: RFC 6455 frames in, whole messages out.

Everything from a client is masked, control frames may stand between the fragments of a message, and
whatever breaks a rule ends the connection with the code that section 7.4.1 has for it.
"""

from __future__ import annotations

import struct
import zlib
from enum import IntEnum
from typing import NamedTuple

try:
    from websockets.speedups import apply_mask
except ImportError:  # A platform that websockets is not compiled for.
    from websockets.utils import apply_mask

_FIN, _RSV1, _RSV23, _MASKED = 0x80, 0x40, 0x30, 0x80
_RSV = _RSV1 | _RSV23
_HEADER = 2
"""Bytes of the shortest header."""
_MEDIUM = 126
"""In place of a size: it follows in two bytes; one more, and in eight."""
_CONTROL_LIMIT = 125
_TAIL = b"\x00\x00\xff\xff"
"""What RFC 7692 leaves out at the end of a deflated message."""
_CLOSE_CODES = frozenset({1000, 1001, 1002, 1003, *range(1007, 1015), *range(3000, 5000)})
"""Codes that may stand in a close frame."""
_NO_CODE = 1005
"""A close without a code: RFC 6455, section 7.1.5."""


class Opcode(IntEnum):
    CONTINUATION = 0x0
    TEXT = 0x1
    BINARY = 0x2
    CLOSE = 0x8
    PING = 0x9
    PONG = 0xA


_OPCODES = {opcode.value: opcode for opcode in Opcode}
_CONTROL = Opcode.CLOSE
"""Opcodes from here on are those of control frames."""


class FaultCode(IntEnum):
    """Close codes for what a client did wrong."""

    PROTOCOL = 1002
    NOT_UTF8 = 1007
    TOO_LARGE = 1009


class Fault(NamedTuple):
    """Why nothing more is read from a client."""

    code: FaultCode
    reason: str


class Control(NamedTuple):
    """A control frame."""

    opcode: Opcode
    payload: bytes


Message = str | bytes | Control
"""A whole text, a whole binary message, or a control frame."""


class _FaultError(Exception):
    def __init__(self, code: FaultCode, reason: str) -> None:
        super().__init__(reason)
        self.fault = Fault(code, reason)


class _Frame(NamedTuple):
    opcode: Opcode
    is_final: bool
    is_deflated: bool
    payload: bytes
    end: int


class Inbound:
    """The stream of one client, cut into messages. Holds at most one message of `limit` bytes."""

    __slots__ = (
        "_inflates",
        "_is_deflated",
        "_limit",
        "_missing",
        "_opcode",
        "_rest",
        "_started",
        "fault",
        "is_closed",
    )

    def __init__(self, *, limit: int, inflates: bool = False) -> None:
        """`limit`: bytes of a message, inflated; `inflates`: permessage-deflate was agreed."""
        self._limit = limit
        self._inflates = inflates
        self._rest = bytearray()
        self._missing = 0
        """Bytes that have to come before the frame that began can be whole."""
        self._started: bytearray | None = None
        """What came of a message in fragments."""
        self._opcode = Opcode.CONTINUATION
        self._is_deflated = False
        self.fault: Fault | None = None
        """Set when a rule was broken: what came before was given, nothing after it counts."""
        self.is_closed = False
        """A close frame came: nothing after it counts."""

    def feed(self, data: bytes) -> list[Message]:
        """The messages that are whole with `data`, in their order."""
        if self._rest:
            # Byte by byte or not: what waits is copied when the frame is whole, and not before.
            self._rest += data
            self._missing -= len(data)
            if self._missing > 0:
                return []
            data = bytes(self._rest)
        return self._cut(data)

    def _cut(self, buffer: bytes) -> list[Message]:
        at = 0
        messages: list[Message] = []
        try:
            while not self.is_closed and (frame := self._frame(buffer, at)) is not None:
                at = frame.end
                message = self._message(frame)
                if message is not None:
                    messages.append(message)
        except _FaultError as error:
            self.fault = error.fault
        is_over = self.is_closed or self.fault is not None
        self._rest = bytearray(b"" if is_over else buffer[at:])
        return messages

    def _frame(self, buffer: bytes, at: int) -> _Frame | None:
        """The frame that begins there; None if it is not whole."""
        self._missing = 1
        if len(buffer) - at < _HEADER:
            return None
        first, second = buffer[at], buffer[at + 1]
        opcode = self._checked_opcode(first)
        if not second & _MASKED:
            raise _FaultError(FaultCode.PROTOCOL, "incorrect masking")
        sized = _size_at(buffer, at + 2, second & 0x7F)
        if sized is None:
            return None
        size, at = sized
        self._check_size(opcode, size)
        start = at + 4
        if len(buffer) < start + size:
            self._missing = start + size - len(buffer)
            return None
        payload = apply_mask(buffer[start : start + size], buffer[at:start])
        return _Frame(opcode, bool(first & _FIN), bool(first & _RSV1), payload, start + size)

    def _checked_opcode(self, first: int) -> Opcode:
        opcode = _OPCODES.get(first & 0x0F)
        if opcode is None:
            raise _FaultError(FaultCode.PROTOCOL, "invalid opcode")
        if first & _RSV:
            may_be_deflated = self._inflates and opcode in {Opcode.TEXT, Opcode.BINARY}
            if first & _RSV23 or not may_be_deflated:
                raise _FaultError(FaultCode.PROTOCOL, "reserved bits must be 0")
        if opcode >= _CONTROL and not first & _FIN:
            raise _FaultError(FaultCode.PROTOCOL, "fragmented control frame")
        return opcode

    def _check_size(self, opcode: Opcode, size: int) -> None:
        if opcode >= _CONTROL:
            if size > _CONTROL_LIMIT:
                raise _FaultError(FaultCode.PROTOCOL, "control frame too long")
        elif len(self._started or b"") + size > self._limit:
            raise _FaultError(FaultCode.TOO_LARGE, f"over size limit ({self._limit} bytes)")

    def _message(self, frame: _Frame) -> Message | None:
        if frame.opcode >= _CONTROL:
            if frame.opcode is Opcode.CLOSE:
                self.is_closed = True
                _check_close(frame.payload)
            return Control(frame.opcode, frame.payload)
        if frame.opcode is Opcode.CONTINUATION:
            return self._continued(frame)
        if self._started is not None:
            raise _FaultError(FaultCode.PROTOCOL, "expected a continuation frame")
        if frame.is_final:
            return self._whole(frame.opcode, frame.payload, is_deflated=frame.is_deflated)
        self._started = bytearray(frame.payload)
        self._opcode, self._is_deflated = frame.opcode, frame.is_deflated
        return None

    def _continued(self, frame: _Frame) -> Message | None:
        if self._started is None:
            raise _FaultError(FaultCode.PROTOCOL, "unexpected continuation frame")
        self._started += frame.payload
        if not frame.is_final:
            return None
        payload, self._started = bytes(self._started), None
        return self._whole(self._opcode, payload, is_deflated=self._is_deflated)

    def _whole(self, opcode: Opcode, payload: bytes, *, is_deflated: bool) -> str | bytes:
        data = self._inflated(payload) if is_deflated else payload
        if opcode is Opcode.BINARY:
            return data
        try:
            return data.decode()
        except UnicodeDecodeError:
            raise _FaultError(FaultCode.NOT_UTF8, "text that is not UTF-8") from None

    def _inflated(self, payload: bytes) -> bytes:
        """Each message stands for itself: no context is taken over."""
        inflate = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
        try:
            data = inflate.decompress(payload + _TAIL, self._limit)
        except zlib.error:
            raise _FaultError(FaultCode.PROTOCOL, "payload cannot be inflated") from None
        if inflate.unconsumed_tail:
            raise _FaultError(FaultCode.TOO_LARGE, f"over size limit ({self._limit} bytes)")
        return data


def close_code(payload: bytes) -> int:
    """The code in a close frame that was accepted."""
    return int.from_bytes(payload[:2], "big") if payload else _NO_CODE


def _size_at(buffer: bytes, at: int, short: int) -> tuple[int, int] | None:
    """The payload's size and where the mask begins; None if it is not there yet."""
    if short < _MEDIUM:
        return short, at
    form, width = ("!H", 2) if short == _MEDIUM else ("!Q", 8)
    if len(buffer) < at + width:
        return None
    return struct.unpack_from(form, buffer, at)[0], at + width


def _check_close(payload: bytes) -> None:
    if len(payload) == 1 or (payload and close_code(payload) not in _CLOSE_CODES):
        raise _FaultError(FaultCode.PROTOCOL, "close frame without a proper code")
    try:
        payload[2:].decode()
    except UnicodeDecodeError:
        raise _FaultError(FaultCode.NOT_UTF8, "close reason that is not UTF-8") from None
