"""Times of single deliveries, and what is said of all of them."""

from __future__ import annotations

import time
from array import array
from math import ceil

STAMP = b"%019d"
_DIGITS = 19
_BEFORE = b'"content":"'


def stamp() -> bytes:
    """Now, by a clock that all processes of the machine share; nanoseconds."""
    return STAMP % time.monotonic_ns()


def content(size: int) -> str:
    """Text of `size` bytes that begins with the present moment."""
    return stamp().decode().ljust(size, ".")


def stamped_at(data: bytes, start: int, end: int) -> int | None:
    """The moment in the content of a frame; None if it has none."""
    at = data.find(_BEFORE, start, end)
    if at < 0:
        return None
    at += len(_BEFORE)
    digits = data[at : at + _DIGITS]
    return int(digits) if digits.isdigit() else None


def moment(text: str) -> int:
    """When a content was made that `content` has made."""
    return int(text[:_DIGITS])


class Latencies:
    """Every delivery of a run, in nanoseconds."""

    def __init__(self) -> None:
        self._taken = array("q")

    def __len__(self) -> int:
        return len(self._taken)

    def add(self, sent_at: int) -> None:
        self._taken.append(time.monotonic_ns() - sent_at)

    def clear(self) -> None:
        del self._taken[:]

    def milliseconds(self, *shares: float) -> list[float]:
        """The value that each share of all is not above: 0.5, 0.99, 1.0 for the longest.

        Raises ValueError if there was no delivery.
        """
        ordered = sorted(self._taken)
        return [percentile(ordered, share=share) / 1e6 for share in shares]


def percentile(ordered: list[int], *, share: float) -> int:
    """The smallest of these ascending values that `share` of all are not above.

    Raises ValueError if there are none.
    """
    if not ordered:
        raise ValueError("nothing was delivered: there is no percentile of nothing")
    return ordered[max(0, ceil(share * len(ordered)) - 1)]
