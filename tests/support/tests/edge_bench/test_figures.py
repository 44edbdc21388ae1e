"""Figures and aims, and what makes a report unsound."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley_testing.edge_bench.drain import busiest
from parley_testing.edge_bench.figures import Aim, Report, is_sound, lines
from parley_testing.edge_bench.scenarios import SCENARIOS, shown, sized


@pytest.mark.parametrize(
    ("aim", "value", "verdict"),
    [
        (Aim(least=10), 10, "met"),
        (Aim(least=10), 9.9, "missed"),
        (Aim(most=20), 20, "met"),
        (Aim(most=20), 20.1, "missed"),
        (None, 1, ""),
    ],
)
def test_a_figure_is_judged_by_its_aim(aim: Aim | None, value: float, verdict: str) -> None:
    report = Report("fan-out", "about")

    report.add("edge", "deliveries", value, aim=aim)

    assert report.figures[0].verdict == verdict


def test_a_missed_aim_is_sound_and_a_missed_load_is_not() -> None:
    report = Report("fan-out", "about")
    report.add("edge", "deliveries", 1, aim=Aim(least=2))
    assert is_sound([report])

    report.expect(9, least=10, what="events a second")

    assert not is_sound([report])
    assert report.failures == ["events a second: expected at least 10, got 9"]


def test_there_is_a_line_for_each_figure_and_each_failure() -> None:
    report = Report("echo", "about")
    report.add("edge", "p99 ms", 1.23456, load="1000 messages/s", aim=Aim(most=15))
    report.fail("a client was told BUSY")

    figure, failure = map(json.loads, lines(report))

    assert figure == {
        "scenario": "echo",
        "server": "edge",
        "load": "1000 messages/s",
        "figure": "p99 ms",
        "value": 1.235,
        "aim": "<= 15",
        "verdict": "met",
    }
    assert failure == {"scenario": "echo", "failed": "a client was told BUSY"}


@given(moments=st.lists(st.floats(0, 10), min_size=1), window=st.sampled_from([0.1, 1.0]))
def test_the_busiest_stretch_is_the_one_that_counting_finds(
    moments: list[float], window: float
) -> None:
    ordered = sorted(moments)

    counted = max(sum(0 <= each - first < window for each in ordered) for first in ordered)

    assert busiest(ordered, window=window) == counted


def test_sizes_are_changed_by_name_and_shown_as_they_are_given() -> None:
    sizes = sized(["fanout.connections=10", "fanout.rates=[5]"])

    assert sizes["fanout"].connections == 10
    assert sizes["fanout"].rates == (5,)
    assert sizes["echo"] == SCENARIOS["echo"][1]
    assert sized(shown(sizes)) == sizes


@pytest.mark.parametrize(
    "change", ["fanout.colour=1", "nothing.at=1", "fanout.connections", "fanout.connections=many"]
)
def test_a_size_that_there_is_not_is_refused(change: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # each in its own words
        sized([change])
