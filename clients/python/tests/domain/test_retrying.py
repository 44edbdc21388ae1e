from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.domain.retrying import Later, failures_after, outcome_of, pause
from parley.errors import Refused
from parley_core.domain import server_frames as wire
from parley_core.domain.backoff import LONGEST, backoff
from parley_core.domain.codes import CloseCode, ErrorCode

ROLLS = st.floats(0, 1, exclude_max=True)


@pytest.mark.parametrize("code", [1012, 1006, 1000, None])
def test_after_a_drain_or_a_lost_socket_the_first_try_comes_at_once(code: int | None) -> None:
    assert failures_after(code, failures=5, lived=60.0) == 0


@pytest.mark.parametrize("code", [CloseCode.TOO_LARGE, CloseCode.LOST, CloseCode.TOO_SLOW, 4003])
def test_a_close_that_asks_for_a_backoff_gets_one(code: int) -> None:
    assert failures_after(code, failures=0, lived=60.0) == 1


@pytest.mark.parametrize("code", [1012, 4001, None])
def test_whoever_is_dropped_again_and_again_waits_longer_each_time(code: int | None) -> None:
    assert failures_after(code, failures=3, lived=0.2) == 4


@pytest.mark.parametrize("code", [4500, 4501, 4502, 4503, 4999])
def test_from_4500_on_there_is_no_return(code: int) -> None:
    assert failures_after(code, failures=0, lived=60.0) is None


@pytest.mark.parametrize("code", [ErrorCode.UNAVAILABLE, ErrorCode.RATE_LIMITED])
def test_what_passes_is_said_again_after_the_time_that_the_server_names(code: ErrorCode) -> None:
    error = wire.Error(code=code, message="Later.", retry_after_ms=250)

    assert outcome_of(error) == Later(0.25)


def test_without_a_time_it_is_said_again_after_a_backoff() -> None:
    assert outcome_of(wire.Error(code=ErrorCode.UNAVAILABLE, message="Later.")) == Later(None)


def test_everything_else_is_refused_for_good() -> None:
    outcome = outcome_of(wire.Error(code=ErrorCode.BUSY, message="Full.", retry_after_ms=1000))

    assert isinstance(outcome, Refused)
    assert (outcome.code, outcome.retry_after_ms) == (ErrorCode.BUSY, 1000)


@given(failures=st.integers(0, 40), asked=st.floats(0, 20), roll=ROLLS)
def test_nobody_comes_before_the_time_that_the_server_asked_for(
    failures: int, asked: float, roll: float
) -> None:
    assert asked <= pause(failures, asked=asked, roll=roll) <= max(2 * asked, LONGEST)


@given(asked=st.floats(0.1, 20))
def test_those_whom_the_server_asked_at_one_moment_do_not_come_at_one(asked: float) -> None:
    first, last = (pause(1, asked=asked, roll=roll) for roll in (0.0, 0.99))

    assert last - first >= 0.9 * asked


def test_without_a_word_of_the_server_it_is_the_backoff() -> None:
    assert pause(0, asked=0.0, roll=0.9) == 0.0
    assert pause(3, asked=0.0, roll=0.5) == backoff(3, roll=0.5)
