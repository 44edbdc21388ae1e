"""How connections move to other edges: how many a second, and how many are asked at a time.

A client that is asked moves at a random moment of the seconds that it is given. So a batch of
`size` clients is given `size / rate` seconds, and the next one is asked when they are over: the
mean is the ceiling from the first batch to the last, and whatever moments the clients pick, no
second has more than the ceiling and 10 %, and one client.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from parley_core.domain.events import ProcessInfo
from parley_core.domain.ids import ProcessId

GRAIN = 0.04
"""Seconds of a batch that has more than one client. A second meets the clients of the batches that
it cuts, which is two batches more at worst, and half of one more if the batches are late."""


@dataclass(frozen=True, slots=True)
class Others:
    """Whom an edge shares the moving with.

    `receivers` take connections; `movers` send some away, the asking edge included.
    """

    receivers: int
    movers: int


NOBODY = Others(receivers=0, movers=1)


def others(alive: Mapping[ProcessId, ProcessInfo], *, me: ProcessId, mine: ProcessInfo) -> Others:
    """The edges to which clients of `me` may come; `mine` is what it says of itself."""
    peers = [
        info
        for process, info in alive.items()
        if process != me and _address(info) == _address(mine)
    ]
    return Others(
        receivers=sum(not info.draining for info in peers),
        movers=1 + sum(info.moving for info in peers),
    )


def _address(info: ProcessInfo) -> tuple[str, str, str]:
    """Clients reach the edges of one release by one address."""
    return info.kind, info.namespace, info.release


def ceiling(among: Others, *, resume_rate: float) -> float:
    """Connections a second that one mover may send.

    Each receiver takes `resume_rate` a second, whoever they come from; the movers share that.
    """
    return among.receivers * resume_rate / among.movers


@dataclass(frozen=True, slots=True)
class Batch:
    """`size` clients that are asked at once, and `within` how many seconds they move."""

    size: int
    within: float


def next_batch(left: int, *, rate: float) -> Batch:
    """The next of `left` connections (> 0) at `rate` (> 0) a second."""
    size = min(left, max(1, int(rate * GRAIN)))
    return Batch(size, size / rate)


def beginning(booked: float, *, now: float) -> float:
    """From when on a batch counts that is asked `now`, if all time until `booked` is given away.

    A batch that is a little late moves none after it; else the time is lost: it is never made up
    for by a higher rate.
    """
    return booked if now - booked <= GRAIN / 2 else now


def has_room(booked: float, *, now: float) -> bool:
    """Whether one more may move `now`, beside the batches, if the next batch waits for it."""
    return booked - now <= GRAIN


def sample(count: int, *, share: float) -> list[int]:
    """Which of `count` connections are `share` of them: evenly, from the oldest to the newest."""
    size = min(count, round(count * share))
    return [index * count // size for index in range(size)]
