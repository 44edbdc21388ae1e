from __future__ import annotations

from bisect import bisect_left
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley_core.domain.events import ProcessInfo
from parley_core.domain.ids import ProcessId
from parley_edge.domain.drain import (
    GRAIN,
    NOBODY,
    Others,
    beginning,
    ceiling,
    has_room,
    next_batch,
    others,
    sample,
)

LITTLE = GRAIN * 0.499
"""Seconds: as late as a batch may be without moving those after it."""
ME = ProcessId("edge-1/a")
RATES = st.one_of(st.floats(0.05, 50), st.floats(50, 2_000))


def edge(**fields: object) -> ProcessInfo:
    return ProcessInfo(**{"kind": "edge", "started": 1.0, **fields})  # type: ignore[arg-type]


def most_in_a_second(chances: list[tuple[float, float]]) -> int:
    """How many may come in one second at most, each at a moment from its first to its last."""
    firsts, lasts = sorted(first for first, _ in chances), sorted(last for _, last in chances)
    return max(bisect_left(firsts, at + 1.0) - bisect_left(lasts, at) for at in lasts)


@given(
    rate=RATES,
    seconds=st.floats(0.1, 3),
    delays=st.lists(st.sampled_from([0.0, LITTLE, GRAIN, 0.5]), min_size=1, max_size=12),
    deferred=st.lists(st.booleans(), min_size=1, max_size=12),
)
def test_no_second_has_more_than_the_ceiling_and_a_tenth(
    rate: float, seconds: float, delays: list[float], deferred: list[bool]
) -> None:
    chances: list[tuple[float, float]] = []
    booked, left, turn = 0.0, int(rate * seconds) + 1, 0
    while left:
        now = booked + delays[turn % len(delays)]
        batch = next_batch(left, rate=rate)
        chances += [(now, now + batch.within)] * batch.size
        booked = beginning(booked, now=now) + batch.within
        left -= batch.size
        if deferred[turn % len(deferred)] and has_room(booked, now=now):
            chances.append((now, now))
            booked = max(booked, now) + 1 / rate
        turn += 1

    assert most_in_a_second(chances) <= rate * 1.10 + 2


@given(rate=RATES, count=st.integers(1, 3_000))
def test_all_are_asked_in_the_time_that_the_ceiling_needs(rate: float, count: int) -> None:
    booked, left = 0.0, count
    while left:
        batch = next_batch(left, rate=rate)
        booked = beginning(booked, now=booked + LITTLE) + batch.within
        left -= batch.size

    assert booked == pytest.approx(count / rate)


@given(rate=st.floats(25, 20_000), count=st.integers(1, 3_000))
def test_a_client_never_waits_long_for_its_moment(rate: float, count: int) -> None:
    batch = next_batch(count, rate=rate)

    assert 1 <= batch.size <= count
    assert batch.within <= GRAIN


def test_few_clients_of_many_receivers_go_at_once() -> None:
    rate = ceiling(Others(receivers=4, movers=1), resume_rate=200)

    batch = next_batch(5, rate=rate)

    assert batch.size == 5
    assert batch.within == pytest.approx(0.00625)


def test_time_that_was_lost_is_not_made_up_for() -> None:
    assert beginning(10.0, now=10.0 + LITTLE) == 10.0
    assert beginning(10.0, now=10.5) == 10.5


def test_each_receiver_takes_its_rate_and_movers_share_it() -> None:
    assert ceiling(Others(receivers=3, movers=1), resume_rate=200) == 600
    assert ceiling(Others(receivers=3, movers=2), resume_rate=200) == 300
    assert ceiling(NOBODY, resume_rate=200) == 0


def test_whoever_drains_receives_nothing_and_moves() -> None:
    alive = {
        ME: edge(draining=True),
        ProcessId("edge-2/a"): edge(),
        ProcessId("edge-3/a"): edge(draining=True, moving=True),
        ProcessId("edge-4/a"): edge(moving=True),
        ProcessId("worker-1/a"): ProcessInfo(kind="conversation", started=1.0),
    }

    assert others(alive, me=ME, mine=edge(draining=True)) == Others(receivers=2, movers=3)


def test_an_edge_that_has_drained_neither_receives_nor_moves() -> None:
    alive = {ProcessId("edge-2/a"): edge(draining=True)}

    assert others(alive, me=ME, mine=edge()) == NOBODY


@pytest.mark.parametrize("elsewhere", [{"release": "blue"}, {"namespace": "other"}])
def test_edges_of_another_release_do_not_receive(elsewhere: dict[str, str]) -> None:
    alive = {ProcessId("edge-2/a"): edge(**elsewhere)}

    assert others(alive, me=ME, mine=edge()) == NOBODY


@given(count=st.integers(0, 10_000), share=st.floats(0, 1))
def test_a_sample_has_its_share_from_old_to_new(count: int, share: float) -> None:
    chosen = sample(count, share=share)

    assert len(set(chosen)) == len(chosen) == round(count * share)
    assert chosen == sorted(chosen)
    assert all(0 <= place < count for place in chosen)
    gaps = {later - earlier for earlier, later in pairwise(chosen)}
    assert not gaps or max(gaps) - min(gaps) <= 1
