"""Moments in contents, and percentiles of what they came to."""

from __future__ import annotations

import json
import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley_testing.edge_bench.latencies import (
    Latencies,
    content,
    moment,
    percentile,
    stamped_at,
)


@pytest.mark.parametrize("size", [19, 200])
def test_a_content_has_its_size_and_says_when_it_was_made(size: int) -> None:
    before = time.monotonic_ns()

    made = content(size)

    assert len(made) == size
    assert before <= moment(made) <= time.monotonic_ns()


def test_the_moment_is_found_in_a_frame_among_others() -> None:
    made = content(40)
    frame = json.dumps({"type": "text", "content": made}, separators=(",", ":")).encode()
    data = b"before" + frame + b"after"

    assert stamped_at(data, 6, 6 + len(frame)) == moment(made)
    assert stamped_at(data, 0, 6) is None


def test_a_content_of_somebody_else_has_no_moment() -> None:
    frame = b'{"content":"hello, how are you today?"}'

    assert stamped_at(frame, 0, len(frame)) is None


@given(values=st.lists(st.integers(0, 10**12), min_size=1), share=st.floats(0.001, 1.0))
def test_a_percentile_is_the_smallest_value_that_enough_are_not_above(
    values: list[int], share: float
) -> None:
    ordered = sorted(values)

    found = percentile(ordered, share=share)

    def reached(value: int) -> bool:
        return sum(each <= value for each in ordered) >= math.ceil(share * len(ordered))

    assert reached(found)
    assert not any(reached(each) for each in ordered if each < found)


def test_of_nothing_there_is_no_percentile() -> None:
    with pytest.raises(ValueError, match="nothing was delivered"):
        Latencies().milliseconds(0.5)
