from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from parley_core.domain.backoff import FIRST, LONGEST, backoff

rolls = st.floats(min_value=0.0, max_value=1.0, exclude_max=True)
failures = st.integers(min_value=1, max_value=10_000)


@given(roll=rolls)
def test_the_first_try_comes_at_once(roll: float) -> None:
    assert backoff(0, roll=roll) == 0.0


@given(failures=failures, roll=rolls)
def test_no_wait_is_longer_than_the_longest(failures: int, roll: float) -> None:
    assert 0.0 <= backoff(failures, roll=roll) < LONGEST


@given(failures=failures)
def test_the_ceiling_doubles_until_it_is_the_longest(failures: int) -> None:
    almost = 1.0 - 1e-9
    ceiling = backoff(failures, roll=almost) / almost

    following = backoff(failures + 1, roll=almost) / almost

    assert abs(following - min(LONGEST, 2 * ceiling)) < 1e-6


def test_the_first_ceiling_is_a_tenth_of_a_second() -> None:
    assert backoff(1, roll=0.5) == FIRST / 2 == 0.05


@given(failures=failures, low=rolls, high=rolls)
def test_the_whole_span_is_used(failures: int, low: float, high: float) -> None:
    one, other = sorted((low, high))

    assert backoff(failures, roll=one) <= backoff(failures, roll=other)
