"""A user's hash in Redis, read: which sessions there are and which is the current one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from parley_core.domain import limits
from parley_core.domain.ids import SessionId

_ARCHIVED = "archived"
_OWNER = "owner"


@dataclass(frozen=True, slots=True)
class UserSessions:
    """What `open.lua` verifies by `revision` and then builds on."""

    revision: str
    current: SessionId | None
    roles: dict[SessionId, str]

    @classmethod
    def read(cls, reply: Sequence[bytes]) -> UserSessions:
        """From the reply of HGETALL."""
        fields = {
            name.decode(): value.decode()
            for name, value in zip(reply[::2], reply[1::2], strict=True)
        }
        roles = {
            SessionId(name[2:]): role for name, role in fields.items() if name.startswith("s:")
        }
        current = fields.get("current")
        return cls(fields.get("rev", ""), SessionId(current) if current else None, roles)

    @property
    def listed(self) -> list[SessionId]:
        """All that are not archived."""
        return [session for session in self.roles if not self.is_archived(session)]

    @property
    def archived(self) -> list[SessionId]:
        """Some of those that are."""
        return [session for session in self.roles if self.is_archived(session)][: limits.ARCHIVED]

    def is_archived(self, session: SessionId) -> bool:
        return self.roles[session] == _ARCHIVED

    def role(self, session: SessionId) -> str:
        """Only owners archive, so that what is archived is theirs."""
        return _OWNER if self.is_archived(session) else self.roles[session]
