"""All drains: begun, hurried, taken back, and known by the pods that they hold."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import structlog

from parley_core.domain.errors import PermanentError, TemporaryError
from parley_core.tasks import Tasks
from parley_operator import metrics
from parley_operator.domain import courses
from parley_operator.domain.drains import ENDED, FOR_NODES, Asked, DrainName, Phase, Reason
from parley_operator.domain.emptying import Drained
from parley_operator.domain.pods import DRAINABLE, Pod, PodName
from parley_operator.patience import patiently
from parley_operator.picture import Picture
from parley_operator.ports import News
from parley_operator.records import Record, Records
from parley_operator.run import Desk, Run

log = structlog.get_logger(__name__)

_TAKE_BACK_WITHIN = 20.0
"""Seconds that a process has to answer that it serves again."""
_FAILED_FOR = 120.0
"""Seconds until a pod that could not be emptied for its node's sake is tried again: each try is an
object, and a frozen node may stay so for long."""


class Drains:
    """At most one at a time for each pod."""

    def __init__(self, desk: Desk, picture: Picture, *, records: Records, tasks: Tasks) -> None:
        self._desk = desk
        self._picture = picture
        self._records = records
        self._tasks = tasks
        self._runs: dict[PodName, Run] = {}

    def drained(self) -> Drained:
        """Which pods are out of service by what is known here."""
        runs, now = self._runs, self._desk.clock()
        holding = {name: run for name, run in runs.items() if run.holds}
        return Drained(
            running=frozenset(name for name, run in runs.items() if run.is_running),
            all=frozenset(holding),
            for_nodes=frozenset(name for name, run in holding.items() if run.reason in FOR_NODES),
            failed=frozenset(name for name, run in runs.items() if _failed_lately(run, now=now)),
        )

    def going(self, pod: Pod) -> None:
        """The pod has its grace period left."""
        if pod.kind not in DRAINABLE or not pod.grace:  # by force: there is nothing to wait for
            return
        run = self._runs.get(pod.name)
        if run is None or not run.holds:
            self.begin(pod, reason=Reason.DELETED)
        else:
            run.hurry(pod, now=self._desk.clock())

    def begin(self, pod: Pod, *, reason: Reason) -> None:
        """Empty the pod, by the operator's own decision."""
        self._begin(pod, self._records.open(pod, reason), asked=None)

    def attend(self, pod: Pod) -> None:
        """What is known of the pod changed."""
        run = self._runs.get(pod.name)
        if pod.is_over or (pod.is_going and _has_ended(pod)):
            self.process_ended(pod)
        elif pod.is_going:
            self.going(pod)
        elif run is not None and not run.is_running and _container(run.pod) != _container(pod):
            # What runs now was started anew, and knows nothing of the drain.
            del self._runs[pod.name]

    def process_ended(self, pod: Pod) -> None:
        """Nothing runs in the pod any more."""
        run = self._runs.get(pod.name)
        if run is not None and run.is_running:
            code = pod.container.exit_code if pod.container else None
            in_order = None if code is None else code == 0
            now = self._desk.clock()
            self._settle(run, courses.process_ended(run.course, in_order=in_order, now=now))

    def forget(self, pod: Pod) -> None:
        """The pod is gone."""
        self.process_ended(pod)
        self._runs.pop(pod.name, None)

    def take_back(self, name: PodName) -> None:
        """Let the pod serve again, if it was drained."""
        run = self._runs.get(name)
        if run is not None and run.holds and run.going_since is None:
            run.settle(courses.taken_back(run.course, now=self._desk.clock()))
            self._tasks.spawn(self._take_back(run), name=f"take {name} back")

    def see(self, asked: Asked) -> None:
        """A Drain object; what is new of it was not written here."""
        if self._records.knows(asked.name):
            return
        is_over = asked.phase in ENDED
        if is_over and asked.phase is not Phase.DRAINED:
            return
        record = self._records.adopt(asked)
        pods = self._pods_of(asked)
        if is_over:
            self._hold(pods, record)
        elif pods:
            for pod in pods:
                self._begin(pod, record, asked=asked.within)
        else:
            self._records.fail(record, "No edge and no worker of that name or selector is there.")

    def lose(self, name: DrainName) -> None:
        """The object was deleted: whoever is still drained for it serves again."""
        record = self._records.forget(name)
        for pod in record.courses if record else ():
            run = self._runs.get(pod)
            if run is not None and run.record is record:
                self.take_back(pod)

    def _pods_of(self, asked: Asked) -> list[Pod]:
        """Those that it was about, or, if it is new, those that it matches."""
        pods = self._picture.pods
        if asked.pods:
            return [pods[name] for name in asked.pods if name in pods]
        return [
            pod
            for pod in pods.values()
            if pod.kind in DRAINABLE and not pod.is_over and asked.matches(pod)
        ]

    def _begin(self, pod: Pod, record: Record, *, asked: float | None) -> None:
        now = self._desk.clock()
        run = Run(pod, reason=record.reason, record=record, asked=asked, now=now)
        before = self._runs.get(pod.name)
        if before is not None and before.is_running:
            # Somebody asked for what is under way: that object tells how it went up to here.
            before.settle(courses.taken_back(before.course, now=now))
            self._records.note(before.record, pod.name, before.course)
        self._runs[pod.name] = run
        metrics.DRAINS.labels(record.reason).inc()
        self._count()
        self._records.note(record, pod.name, run.course)
        follow = run.follow(self._desk, tell=self._tell)
        run.following = self._tasks.spawn(follow, name=f"drain {pod.name}")

    def _hold(self, pods: Iterable[Pod], record: Record) -> None:
        """They were drained before this operator began, and still are."""
        now = self._desk.clock()
        for pod in pods:
            run = Run(pod, reason=record.reason, record=record, asked=None, now=now)
            run.course = courses.process_ended(run.course, in_order=True, now=now)
            record.courses[pod.name] = run.course
            self._runs[pod.name] = run

    def _settle(self, run: Run, course: courses.Course) -> None:
        run.settle(course)
        self._tell(run)

    def _tell(self, run: Run) -> None:
        """The objects and Events say what is new of a drain."""
        name, before = run.pod.name, run.record.courses.get(run.pod.name)
        if before == run.course:
            return
        self._records.note(run.record, name, run.course)
        if before is None or before.phase is not run.course.phase:
            self._tell_phase(run)

    def _tell_phase(self, run: Run) -> None:
        self._count()
        course = run.course
        if course.phase is Phase.DRAINING:
            self._records.tell(run.pod, _draining(run))
        elif course.phase is Phase.DRAINED:
            metrics.MOVED.inc(course.moved)
            metrics.LOST.inc(course.cut)
            self._records.tell(run.pod, _drained(run))

    def _count(self) -> None:
        metrics.DRAINING.set(sum(run.is_running for run in self._runs.values()))

    async def _take_back(self, run: Run) -> None:
        try:
            await patiently(
                lambda: self._serve_again(run), name="take back", within=_TAKE_BACK_WITHIN
            )
        except (PermanentError, TemporaryError) as error:
            log.warning("not taken back", pod=run.pod.name, reason=str(error))
            return
        self._records.note(run.record, run.pod.name, run.course)
        self._records.tell(run.pod, News("DrainTakenBack", "The pod takes new work again."))

    async def _serve_again(self, run: Run) -> None:
        if run.following is not None:
            # An order that is under way must not arrive after this one.
            await asyncio.wait({run.following}, timeout=_TAKE_BACK_WITHIN)
        if self._runs.get(run.pod.name) is not run:
            return
        address = await self._desk.address(run)
        await self._desk.orders.take_back(address.admin_url)


def _failed_lately(run: Run, *, now: float) -> bool:
    ended = run.course.ended
    return run.course.phase is Phase.FAILED and ended is not None and now - ended < _FAILED_FOR


def _has_ended(pod: Pod) -> bool:
    return pod.container is not None and pod.container.started is None


def _container(pod: Pod) -> str:
    return pod.container.id if pod.container else ""


def _draining(run: Run) -> News:
    what = "connections" if run.pod.kind == "edge" else "sessions"
    return News("SessionsDraining", f"{run.course.held} {what} are asked to move.")


def _drained(run: Run) -> News:
    return News("SessionsDrained", courses.summary(run.course), is_warning=bool(run.course.cut))
