"""The `error` frame of what did not work, and what it was about."""

from __future__ import annotations

from typing import TypedDict

from msgspec import UNSET

from parley_core.domain.codes import ErrorCode
from parley_core.domain.server_frames import Error


class About(TypedDict, total=False):
    """What an error is about, and after how many milliseconds a repeat makes sense."""

    message_id: str | None
    request_id: str | None
    turn_id: str | None
    retry_after_ms: int | None


def error_frame(code: ErrorCode, message: str, about: About) -> Error:
    retry_after_ms = about.get("retry_after_ms")
    return Error(
        code=code,
        message=message,
        message_id=about.get("message_id") or UNSET,
        request_id=about.get("request_id") or UNSET,
        turn_id=about.get("turn_id") or UNSET,
        retry_after_ms=UNSET if retry_after_ms is None else retry_after_ms,
    )
