from __future__ import annotations

import pytest

from parley_core.authentication import BelievingAuthenticator, bearer_token, is_service_token
from parley_core.domain.ids import UserId


@pytest.mark.parametrize(
    ("header", "token"),
    [
        ("Bearer abc", "abc"),
        ("bearer  abc ", "abc"),
        ("Bearer a b", "a b"),
        ("Bearer ", None),
        ("Bearer", None),
        ("Basic abc", None),
        ("abc", None),
        ("", None),
        (None, None),
    ],
)
def test_a_bearer_token_is_what_follows_the_scheme(header: str | None, token: str | None) -> None:
    assert bearer_token(header) == token


@pytest.mark.parametrize(
    ("given", "expected", "is_it"),
    [
        ("secret", "secret", True),
        ("sécret", "sécret", True),
        ("secre", "secret", False),
        ("secret ", "secret", False),
        ("", "", False),
        (None, "", False),
        (None, "secret", False),
        ("\udce9", "secret", False),
    ],
)
def test_only_the_service_token_is_one_and_never_an_empty_one(
    given: str | None, expected: str, *, is_it: bool
) -> None:
    assert is_service_token(given, expected=expected) is is_it


async def test_the_default_believes_every_user() -> None:
    user = await BelievingAuthenticator().verify(UserId("ann"), None)

    assert user == "ann"
