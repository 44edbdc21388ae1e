"""One pod's drain: ordered, followed until nothing is left to move, and told of."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from parley_core.domain.errors import TemporaryError
from parley_core.domain.ids import ProcessId
from parley_core.ports import Processes
from parley_core.supervision import pause
from parley_operator.domain import courses, windows
from parley_operator.domain.courses import Course, Progress
from parley_operator.domain.deaths import Alive, Home, processes_of
from parley_operator.domain.drains import Phase, Reason
from parley_operator.domain.pods import Pod
from parley_operator.domain.windows import Pace
from parley_operator.ports import Orders, Refusal
from parley_operator.records import Record

log = structlog.get_logger(__name__)

_LOOK = 0.5
"""Seconds between two looks at how far it is."""
_PATIENCE = 20.0
"""Seconds without an answer after which it failed: a frozen node's pods never answer."""
_OVERTIME = 60.0
"""Seconds past its window after which a drain that never ends failed."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where orders for a pod go, and how long a drain begun now is given."""

    admin_url: str
    within: float


class Desk:
    """What every drain needs: whom to ask, and by which clock."""

    def __init__(
        self,
        processes: Processes,
        orders: Orders,
        *,
        home: Home,
        pace: Pace,
        clock: Callable[[], float],
    ) -> None:
        self.processes = processes
        self.orders = orders
        self.home = home
        self.pace = pace
        self.clock = clock

    async def address(self, run: Run) -> Address:
        """Raises `TemporaryError` if nothing beats there."""
        alive = await self.processes.alive()
        own = processes_of(run.pod.name, alive, home=self.home)
        reachable = [process for process, info in own.items() if info.admin_url]
        if not reachable:
            raise TemporaryError(f"No process of {run.pod.name} beats.", delay=_LOOK)
        process = max(reachable, key=lambda process: own[process].started)
        return Address(own[process].admin_url, self._within(run, process, alive=alive))

    def _within(self, run: Run, process: ProcessId, *, alive: Alive) -> float:
        left = run.grace_left(self.clock())
        among = windows.crowd(process, alive)
        fitting = windows.window(run.pod.kind, among, pace=self.pace, grace=left)
        if run.asked is None:
            return fitting
        return run.asked if left is None else min(run.asked, fitting)


class Run:
    """`asked`: seconds that somebody named, None if they are to be found.

    `going_since`: when the pod was seen to be going, None while it is not.
    """

    def __init__(
        self, pod: Pod, *, reason: Reason, record: Record, asked: float | None, now: float
    ) -> None:
        self.pod = pod
        self.reason = reason
        self.record = record
        self.asked = asked
        self.going_since = now if pod.is_going else None
        self.course = Course(kind=pod.kind, began=now)
        self.following: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._is_ordered = False
        self._limit = now + _PATIENCE

    @property
    def is_running(self) -> bool:
        return self.course.is_running

    @property
    def holds(self) -> bool:
        """The pod is out of service, or is about to be."""
        return self.course.phase in {Phase.PENDING, Phase.DRAINING, Phase.DRAINED}

    def grace_left(self, now: float) -> float | None:
        """Seconds until the pod is killed, by this operator's clock: the cluster's may differ."""
        if self.going_since is None:
            return None
        return max(0.0, self.pod.grace - (now - self.going_since))

    def hurry(self, pod: Pod, *, now: float) -> None:
        """The pod is going now: what remains fits into its grace period."""
        self.pod = pod
        if self.going_since is None:
            self.going_since = now
            self._is_ordered = False
            self._changed.set()

    def settle(self, course: Course) -> None:
        """It is over, whatever the process says."""
        self.course = course
        self._changed.set()

    async def follow(self, desk: Desk, *, tell: Callable[[Run], None]) -> None:
        """Until it is over. `tell` is called with each change."""
        while self.is_running:
            self._changed.clear()
            try:
                progress = await self._ask(desk)
            except (Refusal, TemporaryError) as problem:
                self._miss(problem, now=desk.clock())
            else:
                self._hear(progress, now=desk.clock())
            tell(self)
            if self.is_running:
                await pause(_LOOK, until=self._changed)

    async def _ask(self, desk: Desk) -> Progress:
        address = await desk.address(self)
        kind = self.pod.kind
        if self._is_ordered:
            return await desk.orders.progress(address.admin_url, kind=kind)
        progress = await desk.orders.drain(address.admin_url, kind=kind, within=address.within)
        self._is_ordered = True
        self._limit = desk.clock() + address.within + desk.pace.endpoint_delay + _OVERTIME
        log.info("draining", pod=self.pod.name, reason=self.reason, within=round(address.within, 1))
        return progress

    def _hear(self, progress: Progress, *, now: float) -> None:
        if not self.is_running:  # it was settled while the answer was under way
            return
        # A process that was started anew knows nothing of the drain.
        self._is_ordered = self._is_ordered and progress.is_draining
        self.course = courses.heard(self.course, progress, now=now)
        if self.course.is_running and now > self._limit:
            self.course = courses.gave_up(self.course, now=now)

    def _miss(self, problem: Exception, *, now: float) -> None:
        seen = max(self.course.seen, self.course.began)
        if self.is_running and (now - seen > _PATIENCE or now > self._limit):
            log.warning("drain failed", pod=self.pod.name, reason=str(problem))
            self.course = courses.gave_up(self.course, now=now)
