"""What a request for a stream asks: the `auth` that a WebSocket begins with, and how to wait."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from parley_core.domain.client_frames import Auth, Capability
from parley_core.domain.codes import ErrorCode
from parley_core.domain.errors import Refused
from parley_edge.domain.event_stream import position_of

LONGEST_WAIT = 60.0
"""Seconds that a poll waits at most: proxies give up on what is silent for longer."""
_WAIT = 25.0


class StreamRequest(NamedTuple):
    """`wait` is None for a stream of events, the seconds to wait for a poll."""

    auth: Auth
    wait: float | None


def stream_request(
    query: Mapping[str, str], headers: Mapping[str, str], *, token: str | None
) -> StreamRequest:
    """Headers (UTF-8, lower-case names) go before the query, which a page's EventSource has to use.

    A request that comes back with a position asks for no new session again. Raises `Refused`.
    """
    is_poll = _one_of("mode", query.get("mode", "stream"), ("stream", "poll")) == "poll"
    last = headers.get("last-event-id") or query.get("last_event_id")
    is_new = _one_of("new_session", query.get("new_session", "false"), ("false", "true")) == "true"
    fields: dict[str, Any] = {
        "user_id": headers.get("x-parley-user", query.get("user_id")),
        "device_id": headers.get("x-parley-device", query.get("device_id")),
        "token": token,
        "session_id": query.get("session_id"),
        "new_session": is_new and not last,
        "resume": position_of(last) if last else None,
        "capabilities": capabilities_named(query.get("capabilities", "")),
    }
    try:
        auth = msgspec.convert(fields, Auth)
    except msgspec.ValidationError as error:
        raise Refused(ErrorCode.INVALID_MESSAGE, f"{error}.") from None
    if not is_poll:
        return StreamRequest(auth, None)
    # The text so far would come with each poll anew.
    kept = [name for name in auth.capabilities if name != Capability.DELTAS]
    wait = _seconds(query.get("wait"))
    return StreamRequest(msgspec.structs.replace(auth, capabilities=kept), wait)


def capabilities_named(text: str) -> list[str]:
    """`ack,turns` as a list."""
    return [name for name in text.split(",") if name]


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise Refused(ErrorCode.INVALID_MESSAGE, f"{name} is {' or '.join(allowed)}.")
    return value


def _seconds(text: str | None) -> float:
    try:
        wait = _WAIT if text is None else float(text)
    except ValueError:
        wait = -1.0
    if not 0 <= wait <= LONGEST_WAIT:
        raise Refused(
            ErrorCode.INVALID_MESSAGE, f"wait is a number of seconds, 0 to {LONGEST_WAIT:.0f}."
        )
    return wait
