"""How many handshakes a second come in, and who goes first when there are more.

A token bucket whose last half is kept for clients that resume: they are somebody's open
conversation, and what they need is known. Whoever is turned away is told when its turn would come,
one after another, so that not all come again at one moment.
"""

from __future__ import annotations

from dataclasses import dataclass

_DEPTH = 1.0
"""Seconds' worth of handshakes that may come at once: HTTP counts the wait in whole seconds, and a
storm of one second should cost nobody one."""
_RESERVE = 0.5
"""Of the bucket: what new clients leave for those that resume."""
_LONGEST = 20.0
"""Seconds that a client is asked to wait at most, as with its own backoff."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """At `at` (seconds) there were `tokens`, and turns promised to `waiting` clients."""

    tokens: float
    waiting: float
    at: float


def full(*, rate: float, now: float) -> Bucket:
    """The bucket before anybody came. `rate`: handshakes a second."""
    return Bucket(_capacity(rate), 0.0, now)


def take(bucket: Bucket, *, rate: float, now: float, resumes: bool) -> tuple[Bucket, float | None]:
    """What a handshake at `now` leaves, and for how many seconds it has to wait; None: come in."""
    passed = max(0.0, now - bucket.at) * rate
    tokens = min(_capacity(rate), bucket.tokens + passed)
    waiting = max(0.0, bucket.waiting - passed)
    kept = 0.0 if resumes else _RESERVE * _capacity(rate)
    if tokens - kept >= 1:
        return Bucket(tokens - 1, waiting, now), None
    wait = (1 + kept - tokens + waiting) / rate
    return Bucket(tokens, min(waiting + 1, rate * _LONGEST), now), min(wait, _LONGEST)


def _capacity(rate: float) -> float:
    return max(2.0, rate * _DEPTH)
