"""A user's hash in Redis, read: which sessions there are and which is the current one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from parley_core.domain import limits
from parley_core.domain.ids import SessionId

_ARCHIVED = "archived"


@dataclass(frozen=True, slots=True)
class UserSessions:
    """What `open.lua` verifies by `revision` and then builds on.

    `roles`: the user's own sessions, which share the user's partition. `groups`: sessions of
    others, by the role that the list has for them; a hint, as `group` is, the one of them that
    the user opened last and nothing since.
    """

    revision: str
    current: SessionId | None
    roles: dict[SessionId, str]
    groups: dict[SessionId, str]
    group: SessionId | None

    @classmethod
    def read(cls, reply: Sequence[bytes]) -> UserSessions:
        """From the reply of HGETALL."""
        fields = {
            name.decode(): value.decode()
            for name, value in zip(reply[::2], reply[1::2], strict=True)
        }
        current, group = fields.get("current"), fields.get("group")
        return cls(
            revision=fields.get("rev", ""),
            current=SessionId(current) if current else None,
            roles=_named(fields, "s:"),
            groups=_named(fields, "g:"),
            group=SessionId(group) if group else None,
        )

    @property
    def listed(self) -> list[SessionId]:
        """All of the user's own that are not archived."""
        return [session for session in self.roles if not self.is_archived(session)]

    @property
    def archived(self) -> list[SessionId]:
        """Some of those that are."""
        return [session for session in self.roles if self.is_archived(session)][: limits.ARCHIVED]

    def is_archived(self, session: SessionId) -> bool:
        return self.roles[session] == _ARCHIVED


def _named(fields: dict[str, str], prefix: str) -> dict[SessionId, str]:
    return {
        SessionId(name.removeprefix(prefix)): role
        for name, role in fields.items()
        if name.startswith(prefix)
    }
