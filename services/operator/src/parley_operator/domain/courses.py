"""How drains go: what moved, what was cut, and what an object says of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from parley_operator.domain.drains import ENDED, Phase, Reason
from parley_operator.domain.pods import CONVERSATION, EDGE, PodName


@dataclass(frozen=True, slots=True)
class Progress:
    """What a process says of its drain.

    `held`: connections or sessions that it still has; `moved`: those that have gone; `is_closing`:
    what it holds now is being closed, not moved. `left`: seconds until that begins.
    `is_draining` is false of one that was started anew, or that somebody took back.
    """

    held: int
    moved: int = 0
    is_draining: bool = True
    is_closing: bool = False
    is_over: bool = False
    left: float = 0.0


@dataclass(frozen=True, slots=True)
class Course:
    """One pod's drain so far; times are seconds of one clock. `cut`: closed without having moved.

    `seen`: when `newest` was said.
    """

    kind: str
    began: float
    first: Progress | None = None
    newest: Progress | None = None
    seen: float = 0.0
    cut: int = 0
    phase: Phase = Phase.PENDING
    ended: float | None = None

    @property
    def moved(self) -> int:
        if self.first is None or self.newest is None:
            return 0
        if self.kind == EDGE:
            return self.newest.moved
        return max(0, self.first.held - self.newest.held - self.cut)

    @property
    def held(self) -> int:
        return 0 if self.newest is None else self.newest.held

    @property
    def is_running(self) -> bool:
        return self.phase not in ENDED


def heard(course: Course, progress: Progress, *, now: float) -> Course:
    """The process said how far it is."""
    begins_to_close = progress.is_closing and not (course.newest and course.newest.is_closing)
    course = replace(
        course,
        first=course.first or progress,
        newest=progress,
        seen=now,
        cut=course.cut + (progress.held if begins_to_close else 0),
        phase=Phase.DRAINING,
    )
    return _end(course, Phase.DRAINED, now=now) if progress.is_over else course


def process_ended(course: Course, *, in_order: bool | None, now: float) -> Course:
    """The process is gone before it said that it was done.

    `in_order`: it ended by itself, which it does when nothing is left to move; None if nobody
    knows. What it held when it was last asked has moved since if there was time for it.
    """
    newest = course.newest
    if newest is None:
        return _end(course, Phase.DRAINED if in_order else Phase.FAILED, now=now)
    if newest.is_closing or newest.is_over:
        return _end(course, Phase.DRAINED, now=now)
    has_moved = in_order is True and (course.kind != EDGE or now - course.seen <= newest.left)
    rest = replace(newest, held=0, moved=newest.moved + (newest.held if has_moved else 0))
    cut = 0 if has_moved else newest.held
    return _end(replace(course, newest=rest, cut=course.cut + cut), Phase.DRAINED, now=now)


def gave_up(course: Course, *, now: float) -> Course:
    """The process did not answer."""
    return _end(course, Phase.FAILED, now=now)


def taken_back(course: Course, *, now: float) -> Course:
    """The pod serves again."""
    return _end(course, Phase.TAKEN_BACK, now=now)


def _end(course: Course, phase: Phase, *, now: float) -> Course:
    return replace(course, phase=phase, ended=now)


def phase_of(courses: Iterable[Course]) -> Phase:
    """That of a drain of several pods: it runs while one runs, and failed if one failed."""
    phases = [course.phase for course in courses]
    for phase in (Phase.DRAINING, Phase.PENDING, Phase.FAILED, Phase.TAKEN_BACK):
        if phase in phases:
            running = phase is Phase.PENDING and Phase.DRAINED in phases
            return Phase.DRAINING if running else phase
    return Phase.DRAINED


def summary(course: Course) -> str:
    """For people, when it is over: `812 moved, 0 cut in 9.4 s`."""
    seconds = (course.ended or course.began) - course.began
    return f"{course.moved} moved, {course.cut} cut in {seconds:.1f} s"


@dataclass(frozen=True, slots=True)
class Times:
    """Of an object, as RFC 3339 writes them."""

    started: str
    now: str


def status(
    courses: Mapping[PodName, Course], *, phase: Phase, reason: Reason, message: str, times: Times
) -> dict[str, Any]:
    """What the object says of all its pods. `connections` and `sessions` are those still held."""
    said: dict[str, Any] = {
        "phase": phase.value,
        "pods": sorted(courses),
        "connections": _held(courses.values(), kind=EDGE),
        "sessions": _held(courses.values(), kind=CONVERSATION),
        "moved": sum(course.moved for course in courses.values()),
        "lost": sum(course.cut for course in courses.values()),
        "startedAt": times.started,
        "conditions": [_condition(phase, reason=reason, message=message, since=times.now)],
    }
    return said | ({"finishedAt": times.now} if phase in ENDED else {})


def _held(courses: Iterable[Course], *, kind: str) -> int:
    return sum(course.held for course in courses if course.kind == kind)


def _condition(phase: Phase, *, reason: Reason, message: str, since: str) -> dict[str, Any]:
    """`Drained`, as conditions of Kubernetes are."""
    known = {Phase.DRAINED: "True", Phase.PENDING: "Unknown"}
    return {
        "type": "Drained",
        "status": known.get(phase, "False"),
        "reason": phase.value if phase in ENDED else reason.value,
        "message": message,
        "lastTransitionTime": since,
    }
