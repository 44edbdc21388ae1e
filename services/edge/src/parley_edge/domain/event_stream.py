"""Server-sent events: frames as an EventSource reads them, and where it goes on.

An event's id is `epoch-seq-id`, the position that its reader has reached. Both names may hold
anything printable, dashes too, so they are percent-encoded with a tilde for the percent sign, which
URLs and headers leave as it is, and the epoch with its dashes: what comes before the first dash is
the epoch, what comes before the second is the seq.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote, unquote

import msgspec

from parley_core.domain.client_frames import Position
from parley_core.domain.codes import CLOSES, CloseCode, ErrorCode
from parley_core.domain.errors import Refused

KEEP_ALIVE = b":\n\n"
"""A comment: nothing to a reader, a sign of life to everything between."""
_ID = re.compile(r"([^-]+)-([0-9]{1,16})-(.*)", re.DOTALL)
_LINE_END = re.compile(rb"\r\n|\r|\n")


class Read(NamedTuple):
    """What a piece of a stream holds: the frames, and the last id in it, '' if there is none."""

    frames: list[msgspec.Raw]
    last_id: str


def event(body: bytes, *, at: Position | None) -> bytes:
    """A frame as an event; `at` is where a log frame's reader is then, None for a live one."""
    lines = _LINE_END.split(body)
    place = b"" if at is None else b"id: " + event_id(at).encode() + b"\n"
    return place + b"".join(b"data: " + line + b"\n" for line in lines) + b"\n"


def closing(code: CloseCode) -> bytes:
    """The last event of a stream that the server ends."""
    told = msgspec.json.encode({"code": int(code), "reason": CLOSES[code].reason})
    return b"event: close\ndata: " + told + b"\n\n"


def beginning(*, retry_ms: int) -> bytes:
    """The first bytes: how long a reader waits before it connects again."""
    return f"retry: {retry_ms}\n\n".encode()


def event_id(at: Position) -> str:
    """Letters, digits and `-._~`, so that headers and URLs carry it as it is."""
    return f"{_quoted_epoch(at.epoch)}-{at.seq}-{_quoted(at.id or '')}"


def position_of(event_id: str) -> Position:
    """Where an id says that its reader is. Raises `Refused`."""
    found = _ID.fullmatch(event_id)
    if found is None:
        raise _no_id()
    epoch, seq, id_ = found.groups()
    try:
        place = {"epoch": _unquoted(epoch), "seq": int(seq), "id": _unquoted(id_) or None}
        return msgspec.convert(place, Position)
    except ValueError:  # msgspec's and Unicode's errors
        raise _no_id() from None


def _no_id() -> Refused:
    return Refused(ErrorCode.INVALID_MESSAGE, "Last-Event-ID is the id of an event: epoch-seq-id.")


def read(stream: bytes) -> Read:
    """What this server wrote, taken apart again."""
    frames: list[msgspec.Raw] = []
    last_id = ""
    for block in stream.split(b"\n\n"):
        lines = [line.partition(b": ") for line in block.split(b"\n")]
        data = [value for name, _, value in lines if name == b"data"]
        if data and (b"event", b": ", b"close") not in lines:
            frames.append(msgspec.Raw(b"\n".join(data)))
        for name, _, value in lines:
            last_id = value.decode() if name == b"id" else last_id
    return Read(frames, last_id)


@lru_cache(maxsize=1024)
def _quoted_epoch(epoch: str) -> str:
    return _quoted(epoch).replace("-", "~2D")


def _quoted(name: str) -> str:
    return quote(name, safe="").replace("~", "%7E").replace("%", "~")


def _unquoted(text: str) -> str:
    return unquote(text.replace("~", "%"), errors="strict")
