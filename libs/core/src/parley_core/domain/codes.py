"""The one table of error codes and the one table of close codes, for servers and clients."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class ErrorCode(StrEnum):
    """What an `error` frame can say."""

    INVALID_MESSAGE = "INVALID_MESSAGE"
    UNKNOWN_MESSAGE_TYPE = "UNKNOWN_MESSAGE_TYPE"
    UNKNOWN_COMMAND = "UNKNOWN_COMMAND"
    MESSAGE_TOO_LARGE = "MESSAGE_TOO_LARGE"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    FORBIDDEN = "FORBIDDEN"
    RATE_LIMITED = "RATE_LIMITED"
    SESSION_NOT_FOUND = "SESSION_NOT_FOUND"
    SESSION_LIMIT = "SESSION_LIMIT"
    BUSY = "BUSY"
    RETRY_TOO_OLD = "RETRY_TOO_OLD"
    TURN_FAILED = "TURN_FAILED"
    TURN_ROLLED_BACK = "TURN_ROLLED_BACK"
    TURN_ENDED = "TURN_ENDED"
    NO_SUCH_INTERRUPT = "NO_SUCH_INTERRUPT"
    UNAVAILABLE = "UNAVAILABLE"
    INTERNAL = "INTERNAL"


class CloseCode(IntEnum):
    """Why the server closed a WebSocket."""

    TOO_LARGE = 1009
    DRAINED = 1012
    LOST = 4000
    TOO_SLOW = 4001
    TOKEN_EXPIRED = 4002
    OVERLOADED = 4003
    UNAUTHENTICATED = 4500
    PROTOCOL_VIOLATION = 4501
    TOO_MANY_CONNECTIONS = 4502
    FORBIDDEN = 4503


class Reconnect(StrEnum):
    """What a client does after a close."""

    AT_ONCE = "at once"
    WITH_BACKOFF = "with backoff"
    WITH_NEW_TOKEN = "with a new token"  # noqa: S105  # a word of the table, no secret
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Close:
    """One row of the close-code table."""

    code: CloseCode
    reason: str
    reconnect: Reconnect


CLOSES: dict[CloseCode, Close] = {
    close.code: close
    for close in (
        Close(CloseCode.DRAINED, "drained", Reconnect.AT_ONCE),
        # What was too large must not be sent again, so the client waits as after a fault.
        Close(CloseCode.TOO_LARGE, "frame too large", Reconnect.WITH_BACKOFF),
        Close(CloseCode.LOST, "no sign of life", Reconnect.WITH_BACKOFF),
        Close(CloseCode.TOO_SLOW, "too slow", Reconnect.WITH_BACKOFF),
        Close(CloseCode.TOKEN_EXPIRED, "token expired", Reconnect.WITH_NEW_TOKEN),
        Close(CloseCode.OVERLOADED, "overloaded", Reconnect.WITH_BACKOFF),
        Close(CloseCode.UNAUTHENTICATED, "not authenticated", Reconnect.NEVER),
        Close(CloseCode.PROTOCOL_VIOLATION, "protocol violation", Reconnect.NEVER),
        Close(CloseCode.TOO_MANY_CONNECTIONS, "too many connections", Reconnect.NEVER),
        Close(CloseCode.FORBIDDEN, "forbidden", Reconnect.NEVER),
    )
}


_FINAL = range(4500, 5000)


def reconnect_after(code: int) -> Reconnect:
    """What a client does after a close with `code`, known to the table or not.

    The ranges are the protocol's: 1012 and 4000-4499 reconnect, 4500-4999 do not. Anything
    else is a lost socket.
    """
    if code in CLOSES:
        return CLOSES[CloseCode(code)].reconnect
    return Reconnect.NEVER if code in _FINAL else Reconnect.WITH_BACKOFF
