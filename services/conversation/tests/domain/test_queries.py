from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley_conversation.domain.queries import (
    GREATEST_SEQ,
    fork_request,
    number_named,
    seq_named,
    session_named,
)
from parley_core.domain.codes import ErrorCode
from parley_core.domain.errors import Refused
from parley_core.domain.ids import Seq


@given(st.integers(0, GREATEST_SEQ))
def test_a_seq_is_read_as_it_is_written(number: int) -> None:
    assert seq_named("at", str(number)) == number


def test_what_is_not_there_is_none() -> None:
    assert seq_named("at", None) is None


@pytest.mark.parametrize(
    "given_", ["", "-1", "1.0", "1e3", " 1", "١", "x", str(GREATEST_SEQ + 1), "9" * 5_000]
)
def test_anything_else_is_refused_in_a_short_sentence(given_: str) -> None:
    with pytest.raises(Refused) as refusal:
        seq_named("before", given_)

    assert refusal.value.code is ErrorCode.INVALID_MESSAGE
    assert refusal.value.message.startswith("before: expected a whole number from 0 to ")
    assert len(refusal.value.message) < 120


@pytest.mark.parametrize(("given_", "is_fine"), [("0", False), ("1", True), ("101", False)])
def test_a_number_has_its_bounds(given_: str, *, is_fine: bool) -> None:
    if is_fine:
        assert number_named("limit", given_, least=1, most=100) == int(given_)
    else:
        with pytest.raises(Refused):
            number_named("limit", given_, least=1, most=100)


@pytest.mark.parametrize("name", ["", "x" * 65, "a\nb", "\x00"])
def test_what_cannot_be_an_id_is_no_session(name: str) -> None:
    with pytest.raises(Refused) as refusal:
        session_named(name)

    assert refusal.value.code is ErrorCode.SESSION_NOT_FOUND


@pytest.mark.parametrize("key", ["", "x" * 65, "a\nb"])
def test_what_cannot_be_an_id_is_no_key(key: str) -> None:
    with pytest.raises(Refused) as refusal:
        fork_request(key, at=None)

    assert refusal.value.code is ErrorCode.INVALID_MESSAGE


def test_a_request_is_the_same_for_the_same_key_and_place_only() -> None:
    named = [fork_request(key, at=at) for key in "ab" for at in (None, Seq(0), Seq(1))]

    assert len({*named}) == len(named)
    assert fork_request("a", at=Seq(1)) == fork_request("a", at=Seq(1))
