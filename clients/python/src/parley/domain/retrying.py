"""When to come back, and when to say something again: the rules, as values."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import UNSET, UnsetType

from parley_core.domain import server_frames as wire
from parley_core.domain.backoff import backoff
from parley_core.domain.codes import CLOSES, CloseCode, ErrorCode, Reconnect, reconnect_after
from parley_core.domain.errors import Refused

SETTLED = 1.0
"""Seconds: a connection that lived less does not count as a success."""
LATER = frozenset({ErrorCode.UNAVAILABLE, ErrorCode.RATE_LIMITED})
"""Errors after which the same frame is sent again under the same id."""


def failures_after(code: int | None, *, failures: int, lived: float) -> int | None:
    """Failed tries in a row after a connection ended with `code`; None: do not come back.

    `lived`: seconds for which it was attached, 0.0 if it never was. `failures` counts the tries
    before. A drain and the first lost socket come back at once (0); whoever is dropped again and
    again waits longer each time.
    """
    rule = reconnect_after(code) if code is not None else Reconnect.WITH_BACKOFF
    if rule is Reconnect.NEVER:
        return None
    if lived < SETTLED:
        return failures + 1
    waits = code in CLOSES and CLOSES[CloseCode(code)].reconnect is Reconnect.WITH_BACKOFF
    return 1 if waits else 0


def pause(failures: int, *, asked: float, roll: float) -> float:
    """Seconds until the next try after `failures` in a row; `roll` in [0, 1) is the jitter.

    The server `asked` for that many: not before, and not all whom it asked at one moment.
    """
    return max(asked * (1.0 + roll), backoff(failures, roll=roll))


@dataclass(frozen=True, slots=True)
class Later:
    """It may have been accepted: say it again after `delay` seconds, None: after a backoff."""

    delay: float | None


def outcome_of(error: wire.Error) -> Later | Refused:
    """What an `error` frame means for what it answers."""
    wait = None if isinstance(error.retry_after_ms, UnsetType) else error.retry_after_ms
    if error.code in LATER:
        return Later(None if wait is None else wait / 1000)
    return Refused(error.code, error.message, retry_after_ms=wait)


def is_reply(frame: wire.Error) -> bool:
    """An error that answers something; one with a `seq` is the log's."""
    return frame.seq is UNSET
