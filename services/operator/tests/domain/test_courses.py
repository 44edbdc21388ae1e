"""How drains go, and what is said of them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from parley_operator.domain import courses
from parley_operator.domain.courses import Course, Progress, Times
from parley_operator.domain.drains import Phase, Reason
from parley_operator.domain.pods import PodName

EDGE = Course(kind="edge", began=0.0)
WORKER = Course(kind="conversation", began=0.0)


def moving(held: int, moved: int, *, left: float = 20.0) -> Progress:
    return Progress(held=held, moved=moved, left=left)


@given(st.lists(st.integers(0, 50), min_size=1, max_size=10))
def test_an_edge_that_moves_everybody_has_cut_nobody(steps: list[int]) -> None:
    total = sum(steps)
    course, gone = EDGE, 0
    for second, step in enumerate(steps):
        course = courses.heard(course, moving(total - gone, gone), now=float(second))
        gone += step
    course = courses.heard(course, Progress(0, moved=gone, is_over=True), now=float(len(steps)))

    assert (course.moved, course.cut, course.phase) == (total, 0, Phase.DRAINED)
    assert courses.summary(course) == f"{total} moved, 0 cut in {len(steps):.1f} s"


def test_what_an_edge_holds_at_its_deadline_is_cut() -> None:
    course = courses.heard(EDGE, moving(10, 0), now=1.0)
    course = courses.heard(course, Progress(3, moved=7, is_closing=True), now=20.0)
    course = courses.heard(course, Progress(1, moved=7, is_closing=True), now=20.5)
    course = courses.heard(course, Progress(0, moved=7, is_over=True), now=21.0)

    assert (course.moved, course.cut) == (7, 3)


@given(held=st.integers(1, 100), moved=st.integers(0, 100), later=st.floats(0, 19.9))
def test_an_edge_that_ended_by_itself_in_time_has_moved_the_rest(
    held: int, moved: int, later: float
) -> None:
    course = courses.heard(EDGE, moving(held, moved), now=1.0)

    course = courses.process_ended(course, in_order=True, now=1.0 + later)

    assert (course.moved, course.cut, course.held) == (held + moved, 0, 0)
    assert course.phase is Phase.DRAINED


@given(held=st.integers(1, 100), moved=st.integers(0, 100), in_order=st.sampled_from([False, None]))
def test_an_edge_that_was_killed_has_cut_what_it_held(
    held: int, moved: int, *, in_order: bool | None
) -> None:
    course = courses.heard(EDGE, moving(held, moved), now=1.0)

    course = courses.process_ended(course, in_order=in_order, now=2.0)

    assert (course.moved, course.cut) == (moved, held)


def test_a_worker_that_ended_by_itself_handed_all_on() -> None:
    course = courses.heard(WORKER, Progress(12), now=0.0)
    course = courses.heard(course, Progress(5), now=1.0)
    assert (course.moved, course.held) == (7, 5)

    course = courses.process_ended(course, in_order=True, now=40.0)

    assert (course.moved, course.cut) == (12, 0)


def test_a_worker_that_was_killed_handed_on_what_it_had_not_any_more() -> None:
    course = courses.heard(WORKER, Progress(12), now=0.0)
    course = courses.heard(course, Progress(5), now=1.0)

    course = courses.process_ended(course, in_order=False, now=2.0)

    assert (course.moved, course.cut) == (7, 5)


def test_a_pod_that_never_answered_failed_unless_it_ended_in_order() -> None:
    assert courses.process_ended(EDGE, in_order=None, now=1.0).phase is Phase.FAILED
    assert courses.process_ended(EDGE, in_order=True, now=1.0).phase is Phase.DRAINED
    assert courses.gave_up(EDGE, now=1.0).phase is Phase.FAILED


@given(st.lists(st.sampled_from(Phase), min_size=1, max_size=6))
def test_a_drain_of_several_pods_is_over_when_all_are(phases: list[Phase]) -> None:
    found = courses.phase_of(Course(kind="edge", began=0.0, phase=phase) for phase in phases)

    is_running = bool({Phase.PENDING, Phase.DRAINING} & set(phases))
    assert (found in {Phase.PENDING, Phase.DRAINING}) == is_running
    if found is Phase.DRAINED:
        assert set(phases) == {Phase.DRAINED}


def test_an_object_says_what_connections_and_sessions_are_left_of_all_its_pods() -> None:
    running = {
        PodName("a"): courses.heard(EDGE, moving(10, 3), now=1.0),
        PodName("b"): courses.heard(WORKER, Progress(4), now=1.0),
    }

    said = courses.status(
        running,
        phase=Phase.DRAINING,
        reason=Reason.ASKED,
        message="Two of them.",
        times=Times("2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"),
    )

    assert (said["connections"], said["sessions"], said["moved"], said["lost"]) == (10, 4, 3, 0)
    assert said["pods"] == ["a", "b"]
    assert "finishedAt" not in said
    assert said["conditions"][0]["status"] == "False"
