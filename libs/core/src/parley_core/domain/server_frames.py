"""What the server sends. Encoded once; log frames are completed by the store's scripts."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from parley_core.domain.codes import ErrorCode


class ServerFrame(Struct, kw_only=True, omit_defaults=True, tag_field="type"):
    """What all frames from the server share: a type, and no field that says nothing."""


class SessionEntry(Struct, kw_only=True, frozen=True, omit_defaults=True):
    """One row of `list_sessions`. `last_active` is ISO 8601."""

    session_id: str
    role: str
    seq: int
    last_active: str
    current: bool
    topic: str | None = None


class PresenceEntry(Struct, kw_only=True, frozen=True):
    """Where a user is. `last_seen` is ISO 8601, None if never seen."""

    user_id: str
    state: str
    devices: list[str]
    last_seen: str | None


class Turn(ServerFrame, tag="turn"):
    """Where the agent is with one input."""

    turn_id: str
    attempt: int
    status: str
    node: str | UnsetType = UNSET


class System(ServerFrame, tag="system"):
    """The state of a session, or the result of a command."""

    session_id: str | UnsetType = UNSET
    recovered: bool | UnsetType = UNSET
    epoch: str | UnsetType = UNSET
    seq: int | UnsetType = UNSET
    id: str | UnsetType = UNSET
    server_id: str | UnsetType = UNSET
    server_time: str | UnsetType = UNSET
    protocol: int | UnsetType = UNSET
    heartbeat_interval_ms: int | UnsetType = UNSET
    history: list[msgspec.Raw] | UnsetType = UNSET
    has_more: bool | UnsetType = UNSET
    turn: Turn | UnsetType = UNSET
    status: str | UnsetType = UNSET
    request_id: str | UnsetType = UNSET
    sessions: list[SessionEntry] | UnsetType = UNSET
    presence: list[PresenceEntry] | UnsetType = UNSET
    queued: bool | UnsetType = UNSET
    message_id: str | UnsetType = UNSET
    cleared: bool | UnsetType = UNSET
    topic: str | UnsetType = UNSET
    notice: str | UnsetType = UNSET
    timestamp: str | UnsetType = UNSET


class Text(ServerFrame, tag="text"):
    """A message of a user or of the agent."""

    message_id: str
    session_id: str
    role: str
    content: str
    seq: int | UnsetType = UNSET
    user_id: str | UnsetType = UNSET
    device_id: str | UnsetType = UNSET
    turn_id: str | UnsetType = UNSET
    finish: str | UnsetType = UNSET
    interrupt_id: str | UnsetType = UNSET
    addressed: bool | UnsetType = UNSET
    """False if the agent does not answer it; said of nothing else."""
    timestamp: str | UnsetType = UNSET


class History(ServerFrame, tag="history"):
    """A page of the log, oldest first, as the frames were first sent."""

    messages: list[msgspec.Raw]
    has_more: bool
    request_id: str | UnsetType = UNSET


class Ack(ServerFrame, tag="ack"):
    """The store has this message under this seq."""

    message_id: str
    seq: int


class Delta(ServerFrame, tag="delta"):
    """A piece of an answer that is being written; `offset` is in Unicode code points."""

    turn_id: str
    attempt: int
    offset: int
    text: str


class Interrupt(Struct, kw_only=True, frozen=True):
    """One question of the agent."""

    interrupt_id: str
    value: Any


class InputRequest(ServerFrame, kw_only=True, tag="input_request"):
    """The agent asks and waits."""

    message_id: str
    turn_id: str
    # Before what a graph may fill with anything, so that a fork finds the frame's own.
    session_id: str | UnsetType = UNSET
    interrupts: list[Interrupt]
    seq: int | UnsetType = UNSET
    timestamp: str | UnsetType = UNSET


class Event(ServerFrame, tag="event"):
    """What the graph streams as custom."""

    turn_id: str
    name: str
    data: Any


class Presence(ServerFrame, tag="presence"):
    """A watched user came or went."""

    user_id: str
    state: str
    devices: list[str]
    last_seen: str | None


class Typing(ServerFrame, tag="typing"):
    """Somebody in this session began or stopped to write."""

    user_id: str
    state: str


class Reconnect(ServerFrame, tag="reconnect"):
    """Open a new connection at a random moment within `within_ms`, then close this one."""

    within_ms: int
    reason: str


class Heartbeat(ServerFrame, tag="heartbeat"):
    """The answer to a heartbeat."""

    server_time: str


class Error(ServerFrame, tag="error"):
    """What went wrong. With a `seq` it is a log frame: the end of a failed turn."""

    code: ErrorCode
    message: str
    message_id: str | UnsetType = UNSET
    turn_id: str | UnsetType = UNSET
    request_id: str | UnsetType = UNSET
    retry_after_ms: int | UnsetType = UNSET
    session_id: str | UnsetType = UNSET
    seq: int | UnsetType = UNSET
    timestamp: str | UnsetType = UNSET


AnyServerFrame = (
    System
    | Text
    | History
    | Ack
    | Turn
    | Delta
    | InputRequest
    | Event
    | Presence
    | Typing
    | Reconnect
    | Heartbeat
    | Error
)

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[AnyServerFrame] = msgspec.json.Decoder(AnyServerFrame)


def encode(frame: ServerFrame) -> bytes:
    """The frame's bytes as they go out."""
    return _encoder.encode(frame)


def encode_open(frame: ServerFrame) -> bytes:
    """A log frame without its last brace; the script that numbers it adds seq, time and brace."""
    return _encoder.encode(frame)[:-1]


def decode(data: str | bytes) -> AnyServerFrame:
    """The frame in `data`. Raises `msgspec.DecodeError`, also for a type from a newer server."""
    return _decoder.decode(data)
