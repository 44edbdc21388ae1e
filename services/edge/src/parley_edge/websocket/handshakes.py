"""Which handshakes come in. Asked before the upgrade, so that turning somebody away is cheap."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from urllib.parse import parse_qs

from parley_edge import metrics
from parley_edge.domain.admission import full, take

RESUME = "resume"
"""In the query of a client that comes back: `/ws?resume=1`."""


class Admission:
    """The token bucket of this process."""

    def __init__(self, *, rate: float, clock: Callable[[], float]) -> None:
        """`rate`: handshakes a second."""
        self._rate = rate
        self._clock = clock
        self._bucket = full(rate=rate, now=clock())

    def admit(self, *, resumes: bool) -> float | None:
        """None: come in; else the seconds after which to come again."""
        self._bucket, wait = take(self._bucket, rate=self._rate, now=self._clock(), resumes=resumes)
        if wait is not None:
            metrics.TURNED_AWAY.labels("resume" if resumes else "new").inc()
        return wait


def says_resume(target: str) -> bool:
    """Whether a request line's target is that of a client that comes back."""
    _, _, query = target.partition("?")
    return parse_qs(query).get(RESUME) == ["1"]


def turned_away(wait: float) -> bytes:
    """The whole answer to a handshake that has to come again after `wait` seconds."""
    return (
        b"HTTP/1.1 503 Service Unavailable\r\n"
        b"Retry-After: %d\r\n"
        b"Content-Length: 0\r\n"
        b"Connection: close\r\n\r\n"
    ) % max(1, ceil(wait))
