from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from parley_edge.domain.drain import pace

COUNTS = st.integers(1, 100_000)
WINDOWS = st.floats(0.01, 3600)


@given(count=COUNTS, window=WINDOWS)
def test_everybody_can_still_move_within_the_window(count: int, window: float) -> None:
    tempo = pace(count, window=window)

    assert tempo.moment(count - 1) + tempo.within <= window * 1.000001


@given(count=COUNTS, window=WINDOWS)
def test_nobody_is_asked_before_the_one_in_front(count: int, window: float) -> None:
    tempo = pace(count, window=window)

    assert tempo.moment(0) == 0
    assert tempo.gap > 0


def test_the_window_is_used() -> None:
    assert pace(100, window=10).moment(99) > 7


def test_nobody_to_move_takes_no_time() -> None:
    assert pace(0, window=30) == pace(5, window=0)


def test_few_connections_do_not_take_the_whole_window() -> None:
    assert pace(2, window=30).moment(1) <= 1
