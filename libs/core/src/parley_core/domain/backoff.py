"""How long a client waits before it connects again."""

from __future__ import annotations

FIRST = 0.1
"""Seconds: the first ceiling."""
LONGEST = 20.0
"""Seconds: no ceiling is above this."""


def backoff(failures: int, *, roll: float) -> float:
    """Seconds to wait after `failures` failed tries in a row.

    Full jitter: `roll` in [0, 1) picks a moment below a ceiling that doubles with each failure.
    The first try after a lost socket comes at once.
    """
    if failures <= 0:
        return 0.0
    return roll * min(LONGEST, FIRST * 2.0 ** min(failures - 1, 32))
