"""Who is in a session, what each role may do, and when the agent answers."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from parley_core.domain.ids import UserId


class Role(StrEnum):
    """What somebody is in a session. A session has one owner, who made it."""

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
