"""Who is in a session, what each role may do, and when the agent answers."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum

from msgspec import Struct

from parley_core.domain.ids import UserId


class Role(StrEnum):
    """What somebody is in a session. A session has one owner, who made it.

    All see all. An owner and a member write, answer, stop the agent and switch the topic; the
    owner alone clears, deletes, and says who is in the session and when the agent answers.
    """

    OWNER = "owner"
    MEMBER = "member"
    VIEWER = "viewer"


class ReplyMode(StrEnum):
    """When the agent answers a text: always, if the text has `@agent` in it, or never."""

    ALWAYS = "always"
    MENTIONED = "mentioned"
    NEVER = "never"


class Member(Struct, frozen=True):
    """Somebody in a session."""

    user: UserId
    role: Role


class Group(Struct, frozen=True):
    """All who are in a session, its owner first, the others by their ids; and its reply mode."""

    members: tuple[Member, ...]
    reply: ReplyMode


def role_of(user: UserId, *, owner: str, stored: str) -> Role | None:
    """What the session's record makes of `user`; `stored` is what it has of them, or empty."""
    if user == owner:
        return Role.OWNER
    return Role(stored) if stored else None


def roles_of(
    users: Collection[UserId], *, owner: str, stored: Iterable[str]
) -> dict[UserId, Role | None]:
    """What each of `users` is; `stored` is what the record has of them, in their order."""
    return {
        user: role_of(user, owner=owner, stored=role)
        for user, role in zip(users, stored, strict=True)
    }


def outsiders(asked: Iterable[UserId], roles: Mapping[UserId, Role | None]) -> set[UserId]:
    """Who of `asked` is not in the session that has these roles."""
    return {user for user in asked if roles.get(user) is None}


def may_write(role: Role | None) -> bool:
    """Whether the role says something to the others, or to the agent."""
    return role in {Role.OWNER, Role.MEMBER}


_UNADDRESSED = b',"addressed":false,'
_END = 128
"""Bytes of a log frame that hold what the store has added to it."""


def is_addressed(frame: bytes) -> bool:
    """Whether the agent answers a text, given its log frame as it goes out.

    A quote inside a text is escaped, so that no text looks like that.
    """
    return _UNADDRESSED not in frame[-_END:]


# What stands before it is judged last: a search for a sign of its own passes the many texts that do
# not have it ten times as fast.
_MENTION = re.compile(r"@agent(?<!\w@agent)(?![\w-])", re.IGNORECASE)


def mentions_agent(content: str) -> bool:
    """Whether `@agent` is one of the words."""
    return _MENTION.search(content) is not None
