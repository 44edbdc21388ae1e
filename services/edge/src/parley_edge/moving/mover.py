"""Sending connections to other edges, no faster than those take them.

`domain.drain` says how many and how fast; this looks who takes them, keeps the time and asks. Plain
clients are closed instead, between an answer and their next text; one that is in the middle of an
answer is passed over and goes when it is idle, on the time of the next batch.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager

from parley_core.domain.errors import Unavailable
from parley_core.domain.events import ProcessInfo
from parley_core.domain.ids import ConnectionId, ProcessId
from parley_core.ports import Processes
from parley_core.supervision import pause
from parley_core.tasks import Tasks
from parley_edge.domain.drain import (
    GRAIN,
    NOBODY,
    Others,
    beginning,
    ceiling,
    has_room,
    next_batch,
    others,
)
from parley_edge.leaving import Reason, Request, ask_to_move
from parley_edge.roster import Member, Roster

_LOOK = 0.25
"""Seconds between two looks at who receives, while something moves: three short commands."""
HEARD = _LOOK + 2 * GRAIN
"""Seconds after which all that move know of one more, and what they asked before is over."""
_PATIENCE = 1.0
"""Seconds for a look. Where Redis is away nobody can resume: nobody receives."""


class Receivers:
    """The other edges, as the store knows them."""

    def __init__(
        self, processes: Processes, *, process: ProcessId, info: Callable[[], ProcessInfo]
    ) -> None:
        """`info`: what this process says of itself."""
        self._processes = processes
        self._process = process
        self._info = info

    async def look(self) -> Others:
        try:
            async with asyncio.timeout(_PATIENCE):
                alive = await self._processes.alive()
        except (TimeoutError, Unavailable):
            return NOBODY
        return others(alive, me=self._process, mine=self._info())


class Move:
    """The connections of one drain or one rebalance."""

    def __init__(
        self,
        roster: Roster,
        *,
        reason: Reason,
        look: Callable[[], Awaitable[Others]],
        resume_rate: float,
        tasks: Tasks,
        clock: Callable[[], float],
    ) -> None:
        self._roster = roster
        self._reason = reason
        self._look = look
        self._resume_rate = resume_rate
        self._tasks = tasks
        self._clock = clock
        self._others = NOBODY
        self._looked = asyncio.Event()
        self._asked: set[ConnectionId] = set()
        self._waiting: deque[ConnectionId] = deque()
        self._later: set[ConnectionId] = set()
        """Plain clients that go when they are idle."""
        self._booked = 0.0
        """Until then all time is given to those who were asked."""

    @asynccontextmanager
    async def informed(self) -> AsyncIterator[None]:
        """Inside it is known who receives."""
        self._others = await self._look()
        looking = self._tasks.spawn(self._keep_looking(), name="look for receivers")
        try:
            yield
        finally:
            looking.cancel()

    @property
    def receivers(self) -> int:
        return self._others.receivers

    @property
    def rate(self) -> float:
        """Connections a second."""
        return ceiling(self._others, resume_rate=self._resume_rate)

    @property
    def asked(self) -> int:
        return len(self._asked)

    @property
    def moved(self) -> int:
        """How many of those that were asked have gone."""
        return sum(not self._roster.has(connection) for connection in self._asked)

    @property
    def is_complete(self) -> bool:
        """Nobody is left to be asked, or to be asked again."""
        self._later = {connection for connection in self._later if self._roster.has(connection)}
        return not (self._waiting or self._later)

    async def ask(self, members: Iterable[Member], *, deadline: float) -> None:
        """Ask those of `members` who were not asked yet, inside `informed`.

        Returns when all were asked, or at `deadline`; without receivers nobody is.
        """
        known = self._asked.union(self._waiting)
        self._waiting.extend(member.id for member in members if member.id not in known)
        while self._waiting and self._clock() < deadline:
            if self.rate > 0:
                await self._ask_batch(deadline)
            else:
                await self._receivers_change(deadline)

    def call_off(self) -> None:
        """Nobody else need go."""
        for connection in self._later:
            member = self._roster.get(connection)
            if member is not None:
                member.asked = None
        self._later.clear()
        self._waiting.clear()

    async def _ask_batch(self, deadline: float) -> None:
        now = self._clock()
        if self._booked > now:
            await asyncio.sleep(self._booked - now)
            return
        batch = next_batch(len(self._waiting), rate=self.rate)
        begins = beginning(self._booked, now=now)
        left = batch.size
        while left and self._waiting:
            left -= self._ask(self._waiting.popleft(), within=min(batch.within, deadline - now))
        self._booked = begins + batch.within * (batch.size - left) / batch.size

    def _ask(self, connection: ConnectionId, *, within: float) -> bool:
        """Whether the connection moves within that time; it may be gone, or go later."""
        member = self._roster.get(connection)
        if member is None:
            return False
        self._asked.add(connection)
        goes = ask_to_move(member, Request(within, self._reason, self._may_leave))
        if not goes:
            self._later.add(connection)
        return goes

    def _may_leave(self, connection: ConnectionId) -> bool:
        """A connection that was passed over goes now, or it gets its place in the next batches."""
        if connection not in self._later:
            return False
        self._later.discard(connection)
        now = self._clock()
        if self.rate > 0 and has_room(self._booked, now=now):
            self._booked = max(self._booked, now) + 1 / self.rate
            return True
        self._waiting.appendleft(connection)
        return False

    async def _receivers_change(self, deadline: float) -> None:
        self._looked.clear()
        await pause(deadline - self._clock(), until=self._looked)

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(_LOOK)
            self._others = await self._look()
            self._looked.set()


class Mover:
    """One move at a time: a drain takes the place of a rebalance."""

    def __init__(
        self,
        roster: Roster,
        *,
        look: Callable[[], Awaitable[Others]],
        resume_rate: float,
        tasks: Tasks,
        clock: Callable[[], float],
    ) -> None:
        """`look`: who receives; `resume_rate`: connections a second that one of them takes."""
        self._roster = roster
        self._look = look
        self._resume_rate = resume_rate
        self._tasks = tasks
        self._clock = clock
        self._current: Move | None = None

    def begin(self, reason: Reason) -> Move:
        """A new move; the one before asks nobody any more."""
        self.end()
        self._current = Move(
            self._roster,
            reason=reason,
            look=self._look,
            resume_rate=self._resume_rate,
            tasks=self._tasks,
            clock=self._clock,
        )
        return self._current

    def end(self) -> None:
        """Nobody need go any more."""
        if self._current is not None:
            self._current.call_off()
            self._current = None
