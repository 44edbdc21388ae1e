"""What people see of drains: Drain objects, and Events on pods.

They are for looking at, and for whoever operates after this one. So nothing waits for them: each
object has a task that writes its newest state, as often as once a second, until it is over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

import structlog

from parley_core.domain.errors import PermanentError, TemporaryError
from parley_core.tasks import Tasks
from parley_operator.domain import courses
from parley_operator.domain.courses import Course
from parley_operator.domain.drains import ENDED, Asked, DrainName, Phase, Reason
from parley_operator.domain.pods import Pod, PodName
from parley_operator.patience import patiently
from parley_operator.ports import Cluster, News, NotThere

log = structlog.get_logger(__name__)

_EACH = 1.0
"""Seconds between two writes of one object."""
_WITHIN = 60.0
"""Seconds that a write is tried for; the next change tries again."""


class Record:
    """One Drain object. `pod`: the one whose object has to be made, None if somebody made it."""

    def __init__(
        self, name: DrainName, *, reason: Reason, started: str, pod: Pod | None = None
    ) -> None:
        self.name = name
        self.reason = reason
        self.started = started
        self.pod = pod
        self.courses: dict[PodName, Course] = {}
        self.problem = ""
        self.is_new = False
        """Whether something was noted since the last write."""
        self.writing: asyncio.Task[None] | None = None

    @property
    def phase(self) -> Phase:
        return Phase.FAILED if self.problem else courses.phase_of(self.courses.values())

    @property
    def message(self) -> str:
        if self.problem:
            return self.problem
        if self.phase not in ENDED:
            running = sum(course.is_running for course in self.courses.values())
            return f"{running} of {len(self.courses)} pods still hold something, or may."
        return "; ".join(
            f"{name}: {courses.summary(course)}" for name, course in sorted(self.courses.items())
        )


class Records:
    """Writes them. `nonce`: a short id that is new each time."""

    def __init__(self, cluster: Cluster, *, tasks: Tasks, nonce: Callable[[], str]) -> None:
        self._cluster = cluster
        self._tasks = tasks
        self._nonce = nonce
        self._by_name: dict[DrainName, Record] = {}

    def knows(self, name: DrainName) -> bool:
        return name in self._by_name

    def open(self, pod: Pod, reason: Reason) -> Record:
        """For what the operator does by itself."""
        name = DrainName(f"{pod.prefix}-{self._nonce()}")
        return self._keep(Record(name, reason=reason, started=_now(), pod=pod))

    def adopt(self, asked: Asked) -> Record:
        """For an object that somebody made."""
        return self._keep(Record(asked.name, reason=asked.reason, started=asked.started or _now()))

    def forget(self, name: DrainName) -> Record | None:
        """The object was deleted."""
        return self._by_name.pop(name, None)

    def note(self, record: Record, pod: PodName, course: Course) -> None:
        """How far the pod's drain is."""
        record.courses[pod] = course
        self._write_soon(record)

    def fail(self, record: Record, problem: str) -> None:
        """It cannot be done; `problem` is a sentence."""
        record.problem = problem
        self._write_soon(record)

    def tell(self, pod: Pod, news: News) -> None:
        """An Event on the pod."""
        self._tasks.spawn(self._tell(pod, news), name=f"tell of {pod.name}")

    def _keep(self, record: Record) -> Record:
        self._by_name[record.name] = record
        return record

    def _write_soon(self, record: Record) -> None:
        record.is_new = True
        if record.writing is None or record.writing.done():
            record.writing = self._tasks.spawn(self._write(record), name=f"write {record.name}")

    async def _write(self, record: Record) -> None:
        try:
            await self._make(record)
            while record.is_new:
                record.is_new = False
                await patiently(lambda: self._say(record), name="record", within=_WITHIN)
                await asyncio.sleep(_EACH)
        except NotThere:
            log.debug("nothing to write to: it was deleted", drain=record.name)
        except (PermanentError, TemporaryError) as error:
            log.warning("not recorded", drain=record.name, reason=str(error))

    async def _make(self, record: Record) -> None:
        pod = record.pod
        if pod is None:
            return
        await patiently(
            lambda: self._cluster.record(record.name, pod=pod, reason=record.reason),
            name="record",
            within=_WITHIN,
        )
        record.pod = None

    async def _say(self, record: Record) -> None:
        status = courses.status(
            record.courses,
            phase=record.phase,
            reason=record.reason,
            message=record.message,
            times=courses.Times(record.started, _now()),
        )
        await self._cluster.say(record.name, status)

    async def _tell(self, pod: Pod, news: News) -> None:
        try:
            await patiently(lambda: self._cluster.tell(pod, news), name="tell", within=_WITHIN)
        except (PermanentError, TemporaryError) as error:
            log.warning("not told", pod=pod.name, reason=str(error))


def _now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
