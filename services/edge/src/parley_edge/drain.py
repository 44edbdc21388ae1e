"""Taking a process out of service without losing anything.

Not ready, the endpoint delay (still accepting), listener closed (two edges may share a port: an
open listener would take its own clients back), connections asked to move over the window, the rest
closed at the deadline. Frames read before a client's close are still carried out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import StrEnum
from typing import Protocol

import msgspec

from parley_core.domain.codes import CloseCode
from parley_edge import metrics
from parley_edge.domain.drain import pace
from parley_edge.roster import Roster
from parley_edge.tasks import Tasks

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
    """What `GET /drain` says. `remaining`: open, or frames of theirs are carried out."""

    stage: Stage
    connections: int
    asked: int
    remaining: int
    seconds_left: float


class Drain:
    """One drain at a time."""

    def __init__(
        self,
        roster: Roster,
        door: Door,
        *,
        tasks: Tasks,
        clock: Callable[[], float],
        endpoint_delay: float,
    ) -> None:
        self._roster = roster
        self._door = door
        self._tasks = tasks
        self._clock = clock
        self._delay = endpoint_delay
        self._run: asyncio.Task[None] | None = None
        self._deadline = 0.0
        self._asked = 0
        self.stage = Stage.SERVING

    @property
    def is_draining(self) -> bool:
        return self.stage is not Stage.SERVING

    def progress(self) -> Progress:
        left = self._deadline - self._clock() if self._run and not self._run.done() else 0.0
        return Progress(
            stage=self.stage,
            connections=len(self._roster),
            asked=self._asked,
            remaining=self._roster.unfinished,
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
        if not self.is_draining:
            self._enter(Stage.DELAYING)
        self._run = self._tasks.spawn(self._drain(within), name="drain")
        return self._run

    async def take_back(self) -> None:
        """Serve again. Clients that were asked to move still go."""
        if not self.is_draining:
            return
        if self._run is not None:
            self._run.cancel()
            await asyncio.wait({self._run})
        await self._door.listen_again()
        for connection in self._roster:
            connection.stay()
        self._enter(Stage.SERVING)

    async def _drain(self, within: float) -> None:
        if self.stage is Stage.DELAYING:
            await asyncio.sleep(self._delay)
            await self._door.stop_listening()
        self._enter(Stage.MOVING)
        self._deadline = self._clock() + within
        await self._ask_all(within)
        await self._roster.emptied(within=self._deadline - self._clock())
        self._enter(Stage.CLOSING)
        for connection in self._roster:
            connection.close(CloseCode.DRAINED)
        await self._roster.emptied(within=_LAST_WORDS)
        self._enter(Stage.DRAINED)

    async def _ask_all(self, within: float) -> None:
        start = self._clock()
        connections = list(self._roster)
        tempo = pace(len(connections), window=within)
        for index, connection in enumerate(connections):
            await asyncio.sleep(max(0.0, start + tempo.moment(index) - self._clock()))
            connection.ask_to_move(within=tempo.within, reason="drain")
            self._asked += 1

    def _enter(self, stage: Stage) -> None:
        if stage is Stage.DELAYING:
            self._asked = 0
        self.stage = stage
        metrics.DRAINING.set(self.is_draining)
