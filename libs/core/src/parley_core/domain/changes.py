"""Messages of a live channel that are no frames for clients: who is in the session has changed.

One word in a line of its own, then JSON. An edge that does not know them takes them for frames that
cannot be read, and compares its positions: it shows them to nobody.
"""

from __future__ import annotations

import msgspec

from parley_core.domain.ids import UserId
from parley_core.domain.members import Role

_MEMBERS = b"members\n"
_DROPPED = b"dropped\n"


class RolesChanged(msgspec.Struct, frozen=True):
    """The new roles of users; None for one who is out of the session."""

    roles: dict[UserId, Role | None]


class Dropped(msgspec.Struct, frozen=True):
    """The session was deleted."""


def read_change(data: bytes) -> RolesChanged | Dropped | None:
    """The change that a message of a live channel tells; None if it tells none.

    Raises ValueError for one that cannot be read.
    """
    if data.startswith(_MEMBERS):
        roles = msgspec.json.decode(data[len(_MEMBERS) :], type=dict[str, str])
        return RolesChanged(
            {UserId(user): Role(role) if role else None for user, role in roles.items()}
        )
    return Dropped() if data.startswith(_DROPPED) else None
