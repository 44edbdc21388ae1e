from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from parley_edge.domain.admission import Bucket, full, take

RATES = st.floats(1, 10_000)
COMINGS = st.lists(
    st.tuples(st.floats(0, 2), st.booleans(), st.integers(1, 30)), min_size=1, max_size=20
)
"""Pauses in seconds, whether those who then come resume, and how many they are."""


@given(rate=RATES, comings=COMINGS)
def test_no_more_come_in_than_the_rate_and_one_seconds_worth_at_once(
    rate: float, comings: list[tuple[float, bool, int]]
) -> None:
    bucket, now, admitted = full(rate=rate, now=0.0), 0.0, 0
    for pause, resumes, count in comings:
        now += pause
        for _ in range(count):
            bucket, wait = take(bucket, rate=rate, now=now, resumes=resumes)
            admitted += wait is None

        assert admitted <= max(2.0, rate) + rate * now + 0.001


@given(rate=st.floats(1, 200), comings=COMINGS)
def test_new_clients_leave_half_of_the_bucket_for_those_that_resume(
    rate: float, comings: list[tuple[float, bool, int]]
) -> None:
    bucket, now = full(rate=rate, now=0.0), 0.0
    for pause, _, count in comings:
        now += pause
        for _ in range(count * 10):
            bucket, _wait = take(bucket, rate=rate, now=now, resumes=False)
    resumed = 0
    while resumed < rate:
        bucket, wait = take(bucket, rate=rate, now=now, resumes=True)
        if wait is not None:
            break
        resumed += 1

    assert resumed >= int(max(2.0, rate) / 2)


@given(rate=RATES, count=st.integers(1, 200), resumes=st.booleans())
def test_those_who_are_turned_away_are_told_one_turn_after_another(
    *, rate: float, count: int, resumes: bool
) -> None:
    bucket = Bucket(0.0, 0.0, 0.0)
    waits: list[float] = []
    for _ in range(count):
        bucket, wait = take(bucket, rate=rate, now=0.0, resumes=resumes)
        assert wait is not None
        waits.append(wait)

    assert waits == sorted(waits)
    assert all(0 < wait <= 20 for wait in waits)
    if waits[-1] < 20:
        assert waits[-1] - waits[0] >= 0.99 * (count - 1) / rate


@given(rate=RATES, resumes=st.booleans())
def test_whoever_comes_when_it_was_told_to_comes_in(*, rate: float, resumes: bool) -> None:
    empty = Bucket(0.0, 0.0, 0.0)
    bucket, wait = take(empty, rate=rate, now=0.0, resumes=resumes)
    assert wait is not None

    _, again = take(bucket, rate=rate, now=wait * 1.001, resumes=resumes)

    assert again is None


def test_promises_are_forgotten_as_their_turns_pass() -> None:
    bucket = Bucket(0.0, 50.0, 0.0)

    bucket, wait = take(bucket, rate=10.0, now=4.0, resumes=True)

    assert wait is None
    assert bucket.waiting == 10.0
