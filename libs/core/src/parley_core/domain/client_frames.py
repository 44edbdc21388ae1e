"""What a client may send: a tagged union, and the judge of what is not in it.

The protocol's page has the table of inputs; `decode` maps each to an `ErrorCode` and says
whether the connection must close.
"""

from __future__ import annotations

import json
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from parley_core.domain import limits
from parley_core.domain.codes import ErrorCode

# Control characters would break the header line of a live frame and every log line of ours.
_PRINTABLE = r"\A[^\x00-\x1f\x7f-\x9f]+\Z"
_CONTENT = r"\A(?=\s*\S)[^\x00]+\Z"

Name = Annotated[str, Meta(min_length=1, max_length=limits.NAME, pattern=_PRINTABLE)]
Identifier = Annotated[str, Meta(min_length=1, max_length=limits.IDENTIFIER, pattern=_PRINTABLE)]
Content = Annotated[str, Meta(min_length=1, max_length=limits.CONTENT, pattern=_CONTENT)]
Secret = Annotated[str, Meta(max_length=8192)]
Count = Annotated[int, Meta(ge=0, le=2**53)]


class Capability(StrEnum):
    """Kinds of frames that a client asks for; without any it is a plain client."""

    ACK = "ack"
    DELTAS = "deltas"
    TURNS = "turns"
    PRESENCE = "presence"
    TYPING = "typing"
    EVENTS = "events"


class Strategy(StrEnum):
    """What a text does to a turn that is running."""

    ENQUEUE = "enqueue"
    REJECT = "reject"
    INTERRUPT = "interrupt"
    ROLLBACK = "rollback"


class Position(Struct, frozen=True, omit_defaults=True):
    """What a client resumes from: the newest log frame that it has."""

    epoch: Identifier
    seq: Count
    id: Identifier | None = None


class ClientFrame(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type"):
    """What all frames from a client may carry."""

    timestamp: datetime | None = None


class Auth(ClientFrame, frozen=True, tag="auth"):
    """The first frame of a connection."""

    user_id: Name
    device_id: Name
    token: Secret | None = None
    session_id: Identifier | None = None
    new_session: bool = False
    resume: Position | None = None
    # Plain strings: a newer client may name capabilities that this server does not know.
    capabilities: Annotated[list[Annotated[str, Meta(max_length=32)]], Meta(max_length=32)] = []


class HealthCheck(ClientFrame, frozen=True, tag="health_check"):
    """Asks how the server is, without a user."""


class Text(ClientFrame, frozen=True, tag="text"):
    """A message of the user."""

    content: Content
    message_id: Identifier | None = None
    after: Count | None = None
    strategy: Strategy = Strategy.ENQUEUE


class Heartbeat(ClientFrame, frozen=True, tag="heartbeat"):
    """A sign of life."""


class Command(ClientFrame, frozen=True, tag="command"):
    """One of the commands of the protocol's table; each reads the fields that it needs."""

    command: Annotated[str, Meta(max_length=64)]
    request_id: Identifier | None = None
    before: Count | None = None
    limit: Annotated[int, Meta(ge=1, le=limits.HISTORY)] | None = None
    topic: Name | None = None
    session_id: Identifier | None = None
    user_ids: Annotated[list[Name], Meta(max_length=100)] | None = None


class Cancel(ClientFrame, frozen=True, tag="cancel"):
    """Stops a turn; the running one if none is named."""

    turn_id: Identifier | None = None


class Answer(ClientFrame, frozen=True, tag="answer"):
    """Answers a question of the agent."""

    interrupt_id: Identifier
    value: msgspec.Raw
    message_id: Identifier | None = None


class Typing(ClientFrame, frozen=True, tag="typing"):
    """The user began or stopped to write."""

    state: Annotated[str, Meta(pattern=r"\A(start|stop)\Z")]


class Ack(ClientFrame, frozen=True, tag="ack"):
    """This device has everything up to `seq`."""

    seq: Count


AnyClientFrame = Auth | HealthCheck | Text | Heartbeat | Command | Cancel | Answer | Typing | Ack

_TAGS = frozenset(
    {"auth", "health_check", "text", "heartbeat", "command", "cancel", "answer", "typing", "ack"}
)
_TOO_DEEP = "The frame is nested too deep."
_decoder: msgspec.json.Decoder[AnyClientFrame] = msgspec.json.Decoder(AnyClientFrame)
_auth_decoder = msgspec.json.Decoder(Auth)


class Malformed(Exception):
    """A frame that the protocol refuses; `closes` says that nothing can follow it."""

    def __init__(self, code: ErrorCode, message: str, *, closes: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.closes = closes


def decode(data: str | bytes) -> AnyClientFrame:
    """The frame in `data`. Raises `Malformed`."""
    try:
        return _decoder.decode(data)
    except RecursionError:
        raise Malformed(ErrorCode.INVALID_MESSAGE, _TOO_DEEP) from None
    except ValueError as error:  # msgspec's own errors and a lone surrogate in a str
        raise _diagnose(data, error) from None


def decode_first(data: str | bytes) -> AnyClientFrame:
    """The first frame of a connection, where an `auth` may come without its `type`.

    Raises `Malformed`; any bad first frame closes the connection.
    """
    try:
        return decode(data)
    except Malformed as malformed:
        if malformed.code is ErrorCode.INVALID_MESSAGE and _is_untyped(data):
            return _untyped_auth(data)
        raise _as_first(malformed) from None


def _untyped_auth(data: str | bytes) -> Auth:
    try:
        return _auth_decoder.decode(data)
    except RecursionError:
        raise Malformed(ErrorCode.INVALID_MESSAGE, _TOO_DEEP, closes=True) from None
    except ValueError as error:
        raise Malformed(ErrorCode.INVALID_MESSAGE, _sentence(error), closes=True) from None


def _as_first(malformed: Malformed) -> Malformed:
    code = malformed.code
    if code is ErrorCode.UNKNOWN_MESSAGE_TYPE:
        return Malformed(ErrorCode.UNAUTHENTICATED, "The first frame must be auth.", closes=True)
    return Malformed(code, malformed.message, closes=True)


def _is_untyped(data: str | bytes) -> bool:
    try:
        parsed = _parse(data)
    except RecursionError:
        return False
    return isinstance(parsed, dict) and "type" not in parsed


def _diagnose(data: str | bytes, error: ValueError) -> Malformed:
    """The slow path: what exactly is wrong, as the protocol's table tells it apart."""
    try:
        parsed = _parse(data)
    except RecursionError:
        return Malformed(ErrorCode.INVALID_MESSAGE, _TOO_DEEP)
    if not isinstance(parsed, dict):
        text = "A frame is one JSON object."
        return Malformed(ErrorCode.INVALID_MESSAGE, text, closes=True)
    tag = parsed.get("type")
    if isinstance(tag, str) and tag not in _TAGS:
        text = f"There is no frame type {tag[:32]!a}."
        return Malformed(ErrorCode.UNKNOWN_MESSAGE_TYPE, text)
    return Malformed(ErrorCode.INVALID_MESSAGE, _sentence(error))


def _parse(data: str | bytes) -> Any:
    """What the standard library makes of `data`, lone surrogates and all; None if not JSON."""
    try:
        # Nobody looks at the numbers, and Python refuses to read an int of too many digits.
        return json.loads(data, parse_int=float, parse_constant=_refuse)
    except ValueError:
        return None


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _sentence(error: ValueError) -> str:
    if isinstance(error, msgspec.ValidationError):
        return f"{error}."
    return "The frame holds text that is not valid Unicode."
