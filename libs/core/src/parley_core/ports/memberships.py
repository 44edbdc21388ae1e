"""Who is in a session, and what its owner decides for all of them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from parley_core.domain.ids import SessionId, UserId
from parley_core.domain.members import Group, ReplyMode, Role


class Memberships(Protocol):
    """Who may do what in a session.

    Guarantee: the session's own record is the truth, and every call that acts for a user looks at
    it; whoever lost a role is out of the session on every edge within a second. A user's list of
    sessions follows in a step of its own, which others go on with if this process dies in between.

    `by` is who asks, None for a back end, which may do what the owner may. Every call raises
    `Refused`: SESSION_NOT_FOUND if there is no such session (expired, dropped, no id of one),
    FORBIDDEN if `by` may not.
    """

    async def members(self, session: SessionId, *, by: UserId | None) -> Group:
        """Who is in the session, for anybody who is in it."""
        ...

    async def roles(
        self, session: SessionId, users: Collection[UserId]
    ) -> dict[UserId, Role | None]:
        """What each of `users` is there; None for who is not in it. Nothing if it is gone."""
        ...

    async def set_role(
        self, session: SessionId, user: UserId, *, role: Role, by: UserId | None
    ) -> None:
        """Make `user` a MEMBER or a VIEWER; for the owner. A repeat changes nothing.

        Raises `Refused` as well: FORBIDDEN for another role or for the owner's own,
        SESSION_LIMIT if the session has as many members as it may have (`limits.MEMBERS`).
        """
        ...

    async def remove(self, session: SessionId, user: UserId, *, by: UserId | None) -> None:
        """Take `user`, who is not the owner, out; for the owner, or for oneself.

        Their connections to the session are closed (4503). A repeat changes nothing.
        """
        ...

    async def set_reply(self, session: SessionId, mode: ReplyMode, *, by: UserId | None) -> None:
        """From the next text on the agent answers as `mode` says; for the owner."""
        ...

    async def drop(self, session: SessionId, *, by: UserId | None) -> None:
        """Delete the session with all that it has; for the owner.

        Its connections are told SESSION_NOT_FOUND and go on in their users' current sessions. A
        repeat finds nothing and is no error: this call alone raises no SESSION_NOT_FOUND.
        """
        ...
