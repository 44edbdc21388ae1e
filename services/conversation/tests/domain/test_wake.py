from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley_conversation.domain.wake import Stop, Work, parse
from parley_core.domain.ids import Partition, SessionId, TurnId


@given(st.integers(0, 63))
def test_a_number_is_a_partition_with_work(partition: int) -> None:
    assert parse(str(partition).encode()) == Work(Partition(partition))


def test_a_stop_names_a_session_and_a_turn_whose_id_may_hold_spaces() -> None:
    assert parse(b"stop 2aff my first message") == Stop(
        SessionId("2aff"), TurnId("my first message")
    )


@pytest.mark.parametrize(
    "payload", [b"", b"64", b"-1", b"7 8", b"stop", b"stop 2a", b"\xff", b"go 1"]
)
def test_anything_else_is_no_hint(payload: bytes) -> None:
    assert parse(payload) is None


@given(st.binary(max_size=12))
def test_no_payload_raises(payload: bytes) -> None:
    parse(payload)
