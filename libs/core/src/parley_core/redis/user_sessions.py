"""A user's hash in Redis, read: which sessions there are and which is the current one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from parley_core.domain.ids import SessionId

_ARCHIVED = "archived"


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
        return [session for session, role in self.roles.items() if role != _ARCHIVED]
