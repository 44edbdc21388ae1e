from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley_core.domain.asking import BACK_END, Asker, check_is_back_end, user_named
from parley_core.domain.codes import ErrorCode
from parley_core.domain.errors import Refused
from parley_core.domain.ids import UserId

names = st.text(
    st.characters(exclude_categories=["Cc", "Cs"]),
    min_size=1,
    max_size=128,
)


def test_a_back_end_is_one() -> None:
    check_is_back_end(BACK_END)


def test_a_user_is_no_back_end() -> None:
    with pytest.raises(Refused) as refusal:
        check_is_back_end(Asker(UserId("ann")))

    assert refusal.value.code is ErrorCode.FORBIDDEN


@given(names)
def test_a_printable_name_is_a_user(name: str) -> None:
    assert user_named(name) == name


@pytest.mark.parametrize("name", ["", "x" * 129, "a\nb", "a\x00", "\x7f", "\x85"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(Refused) as refusal:
        user_named(name)

    assert refusal.value.code is ErrorCode.INVALID_MESSAGE
