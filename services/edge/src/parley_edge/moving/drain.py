"""Taking a process out of service without losing anything.

Not ready, the endpoint delay (still accepting), listener closed (two edges may share a port: an
open listener would take its own clients back), connections asked to move as fast as others take
them, the rest closed at the deadline. Frames read before a client's close are still carried out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from enum import StrEnum
from typing import Any, Protocol

import msgspec

from parley_core.domain.codes import CloseCode
from parley_core.tasks import Tasks
from parley_edge import metrics
from parley_edge.leaving import Reason
from parley_edge.moving.mover import HEARD, Move, Mover
from parley_edge.roster import Roster

_TOLD_WITHIN = 1.0
"""Seconds that Redis has to tell others of the drain before it goes on without."""
_LATECOMERS = 0.1
"""Seconds between two looks for connections that came, or could not go when they were asked."""
_LAST_WORDS = 7.0
"""Seconds after the deadline for closing handshakes and for frames that were read."""


class Door(Protocol):
    """What takes connections in."""

    async def stop_listening(self) -> None: ...

    async def listen_again(self) -> None: ...


class Stage(StrEnum):
    """How far a drain is."""

    SERVING = "serving"
    DELAYING = "delaying"
    MOVING = "moving"
    CLOSING = "closing"
    DRAINED = "drained"


class Progress(msgspec.Struct, frozen=True):
    """What `GET /drain` says.

    Of those `asked`, `moved` have gone, at `rate` a second at most, to `receivers` other edges.
    `remaining`: connections that are open, or whose frames are still carried out.
    """

    stage: Stage
    connections: int
    asked: int
    moved: int
    remaining: int
    receivers: int
    rate: float
    seconds_left: float


class Drain:
    """One drain at a time."""

    def __init__(
        self,
        roster: Roster,
        door: Door,
        *,
        mover: Mover,
        tell: Callable[[], Coroutine[Any, Any, None]],
        tasks: Tasks,
        clock: Callable[[], float],
        endpoint_delay: float,
    ) -> None:
        """`tell` lets the other processes know what this one does."""
        self._roster = roster
        self._door = door
        self._mover = mover
        self._tell = tell
        self._tasks = tasks
        self._clock = clock
        self._delay = endpoint_delay
        self._run: asyncio.Task[None] | None = None
        self._move: Move | None = None
        self._telling: set[asyncio.Task[None]] = set()
        self._is_open = True
        self._deadline = 0.0
        self.stage = Stage.SERVING

    @property
    def is_draining(self) -> bool:
        return self.stage is not Stage.SERVING

    @property
    def is_moving(self) -> bool:
        """It sends connections away, or is about to."""
        return self.stage in {Stage.DELAYING, Stage.MOVING}

    def progress(self) -> Progress:
        left = self._deadline - self._clock() if self._run and not self._run.done() else 0.0
        move = self._move
        return Progress(
            stage=self.stage,
            connections=len(self._roster),
            asked=move.asked if move else 0,
            moved=move.moved if move else 0,
            remaining=self._roster.unfinished,
            receivers=move.receivers if move else 0,
            rate=move.rate if move else 0.0,
            seconds_left=round(max(0.0, left), 3),
        )

    def begin(self, *, within: float) -> asyncio.Task[None]:
        """Drain within `within` seconds after the endpoint delay.

        A drain that runs and would be over earlier goes on; a later one gives way to this.
        """
        deadline = self._clock() + self._delay + within
        if self._run is not None and not self._run.done():
            if self._deadline <= deadline:
                return self._run
            self._run.cancel()
        self._deadline = deadline
        if self._move is None:
            self._move = self._mover.begin(Reason.DRAIN)
            self._enter(Stage.DELAYING)
        self._run = self._tasks.spawn(self._drain(self._move, within=within), name="drain")
        return self._run

    async def take_back(self) -> None:
        """Serve again. Clients that were asked to move still go.

        Raises `PermanentError` if the port was taken meanwhile; then the drain goes on.
        """
        if not self.is_draining:
            return
        if not self._is_open:
            await self._door.listen_again()
            self._is_open = True
        if self._run is not None:
            self._run.cancel()
            await asyncio.wait({self._run})
        self._mover.end()
        self._move = None
        self._enter(Stage.SERVING)

    async def _drain(self, move: Move, *, within: float) -> None:
        if self.stage is Stage.DELAYING:
            await self._until_heard()
        self._enter(Stage.MOVING)
        self._deadline = self._clock() + within
        await self._empty(move)
        self._enter(Stage.CLOSING)
        for connection in self._roster:
            connection.close(CloseCode.DRAINED)
        await self._roster.emptied(within=_LAST_WORDS)
        self._enter(Stage.DRAINED)

    async def _until_heard(self) -> None:
        """Close the listener when who sends clients here has heard of the drain.

        Whoever drains too has to hear of it as well: from then on they share the receivers.
        """
        await asyncio.sleep(self._delay)
        await self._door.stop_listening()
        self._is_open = False
        await asyncio.wait(self._telling, timeout=_TOLD_WITHIN)
        await self._roster.emptied(within=max(0.0, HEARD - self._delay))

    async def _empty(self, move: Move) -> None:
        """Returns when no connection is left, or at the deadline."""
        moving = self._tasks.spawn(self._move_all(move, deadline=self._deadline), name="move")
        try:
            await self._roster.emptied(within=self._deadline - self._clock())
        finally:
            moving.cancel()
            await asyncio.wait({moving})

    async def _move_all(self, move: Move, *, deadline: float) -> None:
        """Until cancelled: also those whose handshake was under way when the listener closed."""
        async with move.informed():
            while True:
                await move.ask(self._roster, deadline=deadline)
                await asyncio.sleep(_LATECOMERS)

    def _enter(self, stage: Stage) -> None:
        self.stage = stage
        metrics.DRAINING.set(self.is_draining)
        self._telling = {self._tasks.spawn(self._tell(), name=f"tell of {stage}")}
