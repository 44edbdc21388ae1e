"""Which edges send connections on, and in which order pods would go."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from parley_operator.domain import balance
from parley_operator.domain.pods import PodName

names = st.builds(PodName, st.sampled_from("abcdefgh"))
loads = st.dictionaries(names, st.integers(0, 10_000), max_size=8)


@given(loads)
def test_a_round_never_takes_an_edge_below_the_mean(held: dict[PodName, int]) -> None:
    mean = sum(held.values()) / max(1, len(held))

    shares = balance.shares(held)

    for name, share in shares.items():
        assert 0 < share < 1
        assert held[name] * (1 - share) >= mean - 1e-6


@given(loads)
def test_edges_that_hold_about_as_much_as_the_others_keep_it(held: dict[PodName, int]) -> None:
    mean = sum(held.values()) / max(1, len(held))

    shares = balance.shares(held)

    full = {name for name, count in held.items() if count > mean * 1.1 and count - mean >= 10}
    assert shares.keys() == full


@given(st.integers(100, 10_000), st.integers(2, 6))
def test_three_rounds_bring_a_new_edge_near_the_others(each: int, count: int) -> None:
    held = {PodName(str(number)): float(each) for number in range(count)} | {PodName("new"): 0.0}

    for _ in range(balance.ROUNDS):
        moved = {
            name: held[name] * share
            for name, share in balance.shares({n: int(c) for n, c in held.items()}).items()
        }
        # The balancer sends each to any edge, also to the one that it came from.
        back = sum(moved.values()) / len(held)
        held = {name: count - moved.get(name, 0.0) + back for name, count in held.items()}

    mean = sum(held.values()) / len(held)
    assert held[PodName("new")] >= mean / 3
    assert max(held.values()) <= mean * 1.5


@given(loads, st.lists(names, unique=True))
def test_the_clearly_emptier_always_goes_before_the_fuller(
    held: dict[PodName, int], before: list[PodName]
) -> None:
    ordered = balance.order(held, before=before)

    assert sorted(ordered) == sorted(held)
    for place, name in enumerate(ordered):
        for later in ordered[place + 1 :]:
            assert held[name] * 0.9 <= held[later]


@given(loads, st.lists(names, unique=True))
def test_an_order_that_holds_is_not_changed(
    held: dict[PodName, int], before: list[PodName]
) -> None:
    ordered = balance.order(held, before=before)

    assert balance.order(held, before=ordered) == ordered


def test_noise_changes_no_order() -> None:
    before = (PodName("a"), PodName("b"))

    assert balance.order({PodName("a"): 105, PodName("b"): 100}, before=before) == before
    assert balance.order({PodName("a"): 120, PodName("b"): 100}, before=before) == ("b", "a")


@given(loads)
def test_costs_rise_in_the_order_and_begin_above_what_nobody_set(held: dict[PodName, int]) -> None:
    ordered = balance.order(held, before=())

    costs = [balance.costs(ordered)[name] for name in ordered]

    assert all(cost > 0 for cost in costs)
    assert all(one < other for one, other in pairwise(costs))
