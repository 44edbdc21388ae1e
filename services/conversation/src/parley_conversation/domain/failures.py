"""What an error of a model, or of a service behind one, means for the turn.

Providers' clients share no base class. What they share are the status of HTTP, as `status_code` or
on a `response`, and names for a connection that failed; both are looked for along the causes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

RETRIES = 4
"""Repeats of one attempt."""
_FIRST = 0.5
"""Seconds before the first repeat; the pause doubles."""
_LONGEST = 20.0
"""Seconds that a provider may ask for."""

_CLIENT_ERRORS, _SERVER_ERRORS = range(400, 500), range(500, 600)
_PASSING = frozenset({408, 409, 425, 429})
_CONNECTION = frozenset(
    {"APIConnectionError", "APITimeoutError", "TimeoutException", "TransportError"}
)
"""Of openai, anthropic and httpx; their own subclasses are found by these names too."""

UNAVAILABLE = "The agent's language model cannot be reached at the moment. Please try again later."
_REFUSED = {
    401: "The agent's language model refused its key. Please tell whoever runs this service.",
    403: "The agent's language model refused access. Please tell whoever runs this service.",
    413: "This conversation is too long for the agent's language model. Please begin a new one.",
}
REFUSED = "The agent's language model refused this message. Please send it in other words."


class Failure(NamedTuple):
    """`told`: one sentence for the user. `after`: seconds before a repeat, if it makes sense."""

    told: str
    after: float | None


def failure_of(error: BaseException, *, tries: int) -> Failure | None:
    """What to do about `error` after so many `tries`; None if it is none of a model's."""
    for cause in _causes(error):
        status = _status_of(cause)
        if status in _CLIENT_ERRORS and status not in _PASSING:
            return Failure(_REFUSED.get(status, REFUSED), None)
        if status in _PASSING or status in _SERVER_ERRORS or _is_connection(cause):
            after = max(_FIRST * 2**tries, min(_asked_pause(cause), _LONGEST))
            return Failure(UNAVAILABLE, after if tries < RETRIES else None)
    return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        cause = cause.__cause__ or cause.__context__


def _status_of(error: BaseException) -> int:
    """0 if there is none."""
    response = getattr(error, "response", None)
    status = getattr(error, "status_code", None) or getattr(response, "status_code", None)
    return status if isinstance(status, int) else 0


def _is_connection(error: BaseException) -> bool:
    return isinstance(error, (TimeoutError, ConnectionError)) or any(
        kind.__name__ in _CONNECTION for kind in type(error).__mro__
    )


def _asked_pause(error: BaseException) -> float:
    """Seconds, from the `Retry-After` that came with the error; 0 without one."""
    headers = getattr(getattr(error, "response", None), "headers", None) or {}
    try:
        return max(0.0, float(headers.get("retry-after", 0)))
    except (TypeError, ValueError):  # a date
        return 0.0
