"""Who may ask about whom, and how a request names users."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import unquote_plus

from parley_core.domain.asking import BACK_END, Asker, user_named
from parley_core.domain.codes import ErrorCode
from parley_core.domain.errors import Refused
from parley_core.domain.ids import UserId

MOST_USERS = 100
"""Users that one request may ask for."""


def check_may_see(asker: Asker, users: Iterable[UserId]) -> None:
    """A back end may see anyone, a user oneself. Raises `Refused`."""
    if asker != BACK_END and any(user != asker.user for user in users):
        raise Refused(ErrorCode.FORBIDDEN, "You may ask for your own presence only.")


def users_named(query: str) -> tuple[UserId, ...]:
    """The users in `users=a,b` of a query that is still percent-encoded, each once.

    A comma that belongs to a user id is sent as `%2C`. Raises `Refused`.
    """
    values = [value for name, _, value in map(_parameter, query.split("&")) if name == "users"]
    names = [name for value in values for name in value.split(",")]
    if not names or len(names) > MOST_USERS:
        raise Refused(
            ErrorCode.INVALID_MESSAGE,
            f"Name 1 to {MOST_USERS} users: ?users=a,b",
        )
    return tuple(dict.fromkeys(user_named(_decoded(name)) for name in names))


def _parameter(text: str) -> tuple[str, str, str]:
    return text.partition("=")


def _decoded(text: str) -> str:
    try:
        return unquote_plus(text, errors="strict")
    except UnicodeDecodeError:
        raise Refused(ErrorCode.INVALID_MESSAGE, "User ids are percent-encoded UTF-8.") from None
