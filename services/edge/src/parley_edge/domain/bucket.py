"""A token bucket: how often something may be done."""

from __future__ import annotations


class Bucket:
    """`rate` tokens a second come in, `burst` is the most that it holds. It begins full.

    `now` is in seconds and never less than before.
    """

    __slots__ = ("_at", "_burst", "_rate", "_tokens")

    def __init__(self, *, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._at = now

    def take(self, *, now: float) -> float:
        """Take a token: 0.0, or the seconds until there is one and nothing was taken."""
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now
        if self._tokens < 1:
            return (1 - self._tokens) / self._rate
        self._tokens -= 1
        return 0.0
