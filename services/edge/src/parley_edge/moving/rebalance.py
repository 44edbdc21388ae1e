"""Sending a share of the connections to the other edges, as after a new one came.

One round asks the connections that it began with. Where edges share a port some of them come back
to this one: they are new connections then, and are not asked again in the same round.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec

from parley_core.domain.errors import PermanentError
from parley_core.tasks import Tasks
from parley_edge.domain.drain import Others, sample
from parley_edge.leaving import Reason
from parley_edge.moving.drain import Drain
from parley_edge.moving.mover import HEARD, Move, Mover
from parley_edge.roster import Member, Roster

_AGAIN = 0.1
"""Seconds between two looks for connections that could not go when they were asked."""


class NotNow(PermanentError):
    """There is no sense in a round at present; the text says why."""


class Round(msgspec.Struct, frozen=True):
    """What `GET /rebalance` says of the last round.

    Of `chosen` connections `asked` were asked to move and `moved` have gone, at `rate` a second at
    most, to `receivers` other edges.
    """

    is_running: bool
    connections: int
    chosen: int
    asked: int
    moved: int
    receivers: int
    rate: float


class Rebalance:
    """One round at a time, and none while the process drains."""

    def __init__(
        self,
        roster: Roster,
        drain: Drain,
        *,
        mover: Mover,
        look: Callable[[], Coroutine[Any, Any, Others]],
        tell: Callable[[], Coroutine[Any, Any, None]],
        tasks: Tasks,
        clock: Callable[[], float],
    ) -> None:
        """`look`: who receives; `tell` lets the other processes know what this one does."""
        self._roster = roster
        self._drain = drain
        self._mover = mover
        self._look = look
        self._tell = tell
        self._tasks = tasks
        self._clock = clock
        self._move: Move | None = None
        self._chosen = 0
        self.is_running = False

    def progress(self) -> Round:
        move = self._move
        return Round(
            is_running=self.is_running,
            connections=len(self._roster),
            chosen=self._chosen,
            asked=move.asked if move else 0,
            moved=move.moved if move else 0,
            receivers=move.receivers if move else 0,
            rate=move.rate if move else 0.0,
        )

    async def begin(self, *, share: float, within: float) -> None:
        """Ask `share` of the connections; who could not go after `within` seconds stays.

        Raises `NotNow`.
        """
        among = await self._look()
        if self._drain.is_draining:
            raise NotNow("This process drains: all its connections move.")
        if self.is_running:
            raise NotNow("A round is under way: GET /rebalance says how far it is.")
        if not among.receivers:
            raise NotNow("No other edge takes connections.")
        members = list(self._roster)
        chosen = [members[place] for place in sample(len(members), share=share)]
        self._chosen = len(chosen)
        self._move = self._mover.begin(Reason.REBALANCE)
        self.is_running = True
        self._tasks.spawn(self._rebalance(self._move, chosen, within=within), name="rebalance")

    async def _rebalance(self, move: Move, chosen: list[Member], *, within: float) -> None:
        try:
            await self._tell()
            await asyncio.sleep(HEARD)
            await self._ask(move, chosen, deadline=self._clock() + within)
        finally:
            move.call_off()
            self.is_running = False
        await self._tell()

    async def _ask(self, move: Move, chosen: list[Member], *, deadline: float) -> None:
        async with move.informed():
            await move.ask(chosen, deadline=deadline)
            while not move.is_complete and self._clock() < deadline:
                await asyncio.sleep(_AGAIN)
                await move.ask((), deadline=deadline)
