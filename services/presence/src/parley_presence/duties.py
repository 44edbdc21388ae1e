"""What the service does, one step of each duty at a time.

All state is in Redis, so any replica may take any step, twice or not at all: the next step of any
replica finds what is left.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from parley_core.domain.ids import UserId
from parley_core.ports import PresenceBoard, Processes
from parley_presence import metrics
from parley_presence.ports import Hint, Hints, Housekeeping

_AT_ONCE = 500
"""Users whose calls are in flight together."""


async def follow_hints(hints: Hints, *, board: PresenceBoard) -> None:
    """Users who came are announced as soon as their hint arrives."""
    await _follow(await hints.next(), hints, board)


async def take_over_hints(hints: Hints, *, board: PresenceBoard) -> None:
    """What a replica left that died between a hint and its announcement."""
    await _follow(await hints.abandoned(), hints, board)


async def call_offline(board: PresenceBoard, *, housekeeping: Housekeeping) -> None:
    """Users whose grace time is over, if they did not come back."""
    gone = await board.offline(await board.due())
    await announce(gone, board=board)
    await _prune(gone, housekeeping)


async def reap_dead(processes: Processes) -> None:
    """Connections of processes that stopped beating; their users begin to leave."""
    for process in await processes.dead():
        reaped = await processes.reap(process, if_overdue=True)
        metrics.REAPED.inc(reaped)


async def clean_up(housekeeping: Housekeeping, *, hints: Hints, board: PresenceBoard) -> None:
    """Remains of processes, readers and sessions, and the audit of who is announced."""
    await housekeeping.unbar()
    await housekeeping.forget_processes()
    await hints.forget_readers()
    await housekeeping.tell_lists()
    # Hints may be lost, with Redis or because too many waited: everybody connected is looked at.
    users = await housekeeping.connected_users()
    await announce(users, board=board)
    await _prune(users, housekeeping)


async def announce(users: Sequence[UserId], *, board: PresenceBoard) -> None:
    """Tell those who watch what is new about `users`."""
    for group in _groups(users):
        for found in await asyncio.gather(*map(board.announce, group)):
            if found is not None:
                metrics.ANNOUNCED.labels("online" if found.online else "offline").inc()


async def _follow(waiting: Sequence[Hint], hints: Hints, board: PresenceBoard) -> None:
    await announce(tuple(dict.fromkeys(hint.user for hint in waiting)), board=board)
    await hints.done(waiting)


async def _prune(users: Sequence[UserId], housekeeping: Housekeeping) -> None:
    for group in _groups(users):
        await asyncio.gather(*map(housekeeping.prune, group))


def _groups(users: Sequence[UserId]) -> list[Sequence[UserId]]:
    return [users[start : start + _AT_ONCE] for start in range(0, len(users), _AT_ONCE)]
