from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from parley_conversation.domain.shares import BATCH, rotated, shares

partitions = st.lists(st.integers(0, 63), unique=True, max_size=64)


@given(st.integers(-5, 200), partitions)
def test_shares_ask_every_partition_and_never_claim_more_than_there_is_room(
    room: int, asked: list[int]
) -> None:
    given_out = shares(room, asked)

    assert list(given_out) == asked
    assert sum(given_out.values()) <= max(room, 0)
    assert all(0 <= share <= BATCH for share in given_out.values())


@given(st.integers(1, 200), partitions.filter(bool))
def test_room_is_used_up_or_every_share_is_as_large_as_it_may_be(
    room: int, asked: list[int]
) -> None:
    given_out = shares(room, asked).values()

    assert sum(given_out) == min(room, BATCH * len(asked))


@given(partitions.filter(bool), st.integers(0, 1000))
def test_each_sweep_begins_at_another_partition_and_leaves_none_out(
    asked: list[int], turn: int
) -> None:
    order, following = rotated(asked, turn), rotated(asked, turn + 1)

    assert sorted(order) == sorted(asked)
    assert len(asked) == 1 or order[0] != following[0]
