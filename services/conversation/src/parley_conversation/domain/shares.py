"""How a worker's free room is divided among the partitions it asks."""

from __future__ import annotations

from collections.abc import Sequence

BATCH = 8
"""Sessions that one call claims at most, so that the other workers get some of a rush."""


def shares(room: int, partitions: Sequence[int]) -> dict[int, int]:
    """How many sessions to claim of each partition, the first ones being served best.

    Together never more than `room`. A share of 0 still asks: each claim also returns expired
    leases to the ready sessions.
    """
    if not partitions:
        return {}
    each, rest = divmod(max(room, 0), len(partitions))
    return {
        partition: min(BATCH, each + (index < rest)) for index, partition in enumerate(partitions)
    }


def rotated(partitions: Sequence[int], turn: int) -> tuple[int, ...]:
    """The partitions, beginning at another one each turn, so that none is always served last."""
    if not partitions:
        return ()
    start = turn % len(partitions)
    return (*partitions[start:], *partitions[:start])
