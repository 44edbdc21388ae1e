"""What a session's stream yields, beside the frames of the protocol."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import msgspec
from msgspec import UNSET, Struct, UnsetType

from parley_core.domain import server_frames as wire
from parley_core.domain.client_frames import Position


class Unknown(Struct, frozen=True):
    """A frame of a type that this version does not know. With a `seq` it is a log frame."""

    type: str
    data: bytes
    seq: int | UnsetType = UNSET
    message_id: str | UnsetType = UNSET


class Snapshot(Struct, frozen=True, kw_only=True):
    """The place from which the stream goes on, and the newest frames before it.

    It comes first, and again whenever the stream cannot go on where it was. `gap`: events that
    this client was owed are missing between the last one and this; `Session.history` has what the
    log still holds.
    """

    session_id: str
    position: Position
    frames: tuple[Received, ...]
    has_more: bool
    gap: bool


Received = wire.AnyServerFrame | Unknown
Event = Received | Snapshot


class State(StrEnum):
    """What a session's connection does."""

    CONNECTING = "connecting"
    LIVE = "live"
    WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class Status:
    """A state to show. `delay`: seconds until the next try; `reason`: why the last one ended."""

    state: State
    delay: float = 0.0
    reason: str = ""


class _Head(Struct):
    type: str
    seq: int | UnsetType = UNSET
    message_id: str | UnsetType = UNSET


_head_decoder = msgspec.json.Decoder(_Head)


def decode(data: bytes) -> Received:
    """The frame in `data`, `Unknown` if a newer server sent it. Raises `msgspec.DecodeError`."""
    try:
        return wire.decode(data)
    except msgspec.ValidationError:
        head = _head_decoder.decode(data)
        return Unknown(head.type, data, head.seq, head.message_id)


def decode_all(frames: Sequence[msgspec.Raw]) -> tuple[Received, ...]:
    """The frames of a history. Raises `msgspec.DecodeError`."""
    return tuple(decode(bytes(frame)) for frame in frames)


def place(event: Event) -> int | None:
    """The seq of a log frame, None for everything else. An `ack` stands for its text's place."""
    match event:
        case wire.Text() | wire.InputRequest() | wire.Error() | wire.Ack() | Unknown():
            seq = event.seq
        case wire.System() if event.recovered is event.cleared is event.request_id is UNSET:
            seq = event.seq
        case _:
            return None
    return None if isinstance(seq, UnsetType) else seq
