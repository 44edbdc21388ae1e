from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley_core.domain.asking import BACK_END, Asker
from parley_core.domain.codes import ErrorCode
from parley_core.domain.errors import Refused
from parley_core.domain.ids import UserId
from parley_presence.domain.asking import MOST_USERS, check_may_see, users_named

ANN, BOB = UserId("ann"), UserId("bob")

names = st.text(
    st.characters(exclude_categories=["Cc", "Cs"]),
    min_size=1,
    max_size=128,
)


def code_of(refusal: pytest.ExceptionInfo[Refused]) -> ErrorCode:
    return refusal.value.code


def test_a_back_end_may_see_anyone() -> None:
    check_may_see(BACK_END, [ANN, BOB])


def test_a_user_may_see_oneself() -> None:
    check_may_see(Asker(ANN), [ANN])


@pytest.mark.parametrize("users", [[BOB], [ANN, BOB]])
def test_a_user_may_not_see_others(users: list[UserId]) -> None:
    with pytest.raises(Refused) as refusal:
        check_may_see(Asker(ANN), users)

    assert code_of(refusal) is ErrorCode.FORBIDDEN


@given(st.lists(names, min_size=1, max_size=20))
def test_users_come_out_of_a_query_as_they_went_in(users: list[str]) -> None:
    query = "users=" + ",".join(quote(user, safe="") for user in users)

    assert users_named(query) == tuple(dict.fromkeys(users))


@given(st.lists(names, min_size=1, max_size=5))
def test_users_may_also_come_one_by_one(users: list[str]) -> None:
    query = "&".join(f"users={quote(user, safe='')}" for user in users)

    assert users_named(f"x=1&{query}&y") == tuple(dict.fromkeys(users))


@pytest.mark.parametrize(
    "query",
    [
        "",
        "users",
        "users=",
        "users=a,,b",
        "user=a",
        "users=%00",
        "users=%ff",
        "users=" + "x" * 129,
        "users=" + ",".join(map(str, range(MOST_USERS + 1))),
    ],
)
def test_a_query_that_names_no_users_or_too_many_is_refused(query: str) -> None:
    with pytest.raises(Refused) as refusal:
        users_named(query)

    assert code_of(refusal) is ErrorCode.INVALID_MESSAGE


def test_a_hundred_users_are_not_too_many() -> None:
    assert len(users_named("users=" + ",".join(map(str, range(MOST_USERS))))) == MOST_USERS
