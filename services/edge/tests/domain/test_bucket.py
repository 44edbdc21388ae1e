"""A bucket never gives more than its burst and its rate, and says truly how long to wait."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from parley_edge.domain.bucket import Bucket

gaps = st.lists(st.floats(0, 5), max_size=60)


@given(gaps=gaps, rate=st.floats(0.1, 100), burst=st.integers(1, 20))
def test_no_window_gives_more_than_burst_and_rate(
    gaps: list[float], rate: float, burst: int
) -> None:
    bucket, now = Bucket(rate=rate, burst=burst, now=0.0), 0.0
    taken: list[float] = []

    for gap in gaps:
        now += gap
        if bucket.take(now=now) == 0:
            taken.append(now)

    for first in range(len(taken)):
        for last in range(first, len(taken)):
            most = burst + (taken[last] - taken[first]) * rate
            assert last - first + 1 <= most + 1e-6


@given(gaps=gaps, rate=st.floats(0.1, 100), burst=st.integers(1, 20))
def test_who_waits_as_long_as_told_gets_a_token(gaps: list[float], rate: float, burst: int) -> None:
    bucket, now = Bucket(rate=rate, burst=burst, now=0.0), 0.0

    for gap in gaps:
        now += gap
        if wait := bucket.take(now=now):
            now += wait + 1e-6
            assert bucket.take(now=now) == 0
