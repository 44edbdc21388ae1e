"""Who a client is, and sessions as an edge sees them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from parley_core.domain.client_frames import Position
from parley_core.domain.errors import Unavailable
from parley_core.domain.events import Accepted, Attachment, Event, Glance, Listed, Mail, Opened
from parley_core.domain.ids import ConnectionId, DeviceId, Seq, SessionId, TurnId, UserId


class Authenticator(Protocol):
    """Who a client is. Guarantee: the id returned is the user's; nothing else vouches for it."""

    async def verify(self, user: UserId, token: str | None) -> UserId:
        """The user that the credentials prove. Raises `Refused` (UNAUTHENTICATED)."""
        ...


class Conversations(Protocol):
    """Sessions as an edge sees them. Guarantee: an accepted input is in the log exactly once."""

    async def open(
        self,
        user: UserId,
        *,
        device: DeviceId,
        connection: ConnectionId,
        session: SessionId | None = None,
        new: str | None = None,
        position: Position | None = None,
    ) -> Opened:
        """Find or make the session, register the connection, and attach.

        Without `session` it is the user's current one; `new` (lower-case hex, unique) makes
        another: a repeat with the same `new` gets the same. A named or new session becomes the
        current one. One of the user's own is all done at once; one of somebody else's is attached
        to before the connection is registered. Raises `Refused`: FORBIDDEN for a session that the
        user is not in, SESSION_NOT_FOUND, SESSION_LIMIT when no session of the user's own is idle
        enough to be archived. One that is current and not the user's any more is passed over.
        """
        ...

    async def attach(
        self, session: SessionId, *, user: UserId, position: Position | None
    ) -> Attachment | None:
        """What comes after `position`, or the newest events if it is not proved; None if gone.

        Raises `Refused` (FORBIDDEN) if the user is not in the session.
        """
        ...

    async def append(
        self,
        session: SessionId,
        mail: Mail,
        *,
        frame: bytes,
        origin: ConnectionId,
        value: bytes = b"",
    ) -> Accepted:
        """Number, log, queue and publish an input in one step.

        `frame` is the log frame from `encode_open`, empty for a command, which is queued but not
        logged. `value` is an answer's JSON; a text that has one is the answer where one is waited
        for. The first answer wins; any other text ends a turn that waits. A text that is not for
        the agent, by the session's reply mode, is logged and published only: the next one that is
        tells of it. A repeat of the `message_id` returns the first reply and does nothing else. A
        viewer writes nothing, and only the owner clears. Raises `Refused`: RATE_LIMITED,
        BUSY, RETRY_TOO_OLD, FORBIDDEN, NO_SUCH_INTERRUPT, SESSION_NOT_FOUND (expired: open again).
        """
        ...

    async def history(
        self,
        session: SessionId,
        *,
        before: Seq | None,
        limit: int,
        user: UserId | None = None,
    ) -> tuple[tuple[Event, ...], bool]:
        """Up to `limit` events below the seq `before`, oldest first; whether there are older.

        Raises `Refused` (FORBIDDEN) if it is for a `user` who is not in the session.
        """
        ...

    async def sessions(self, user: UserId, *, archived: bool = False) -> tuple[Listed, ...]:
        """Those that the user is in, newest activity first; no expired ones.

        The user's archived ones if asked for, `limits.ARCHIVED` at most.
        """
        ...

    async def glance(
        self, asked: Mapping[SessionId, Collection[UserId]]
    ) -> dict[SessionId, Glance | Unavailable]:
        """The newest event of many sessions, to compare positions with, and what people are there.

        `Unavailable` is a value here: what one node does not answer others do.
        """
        ...

    async def cancel(self, session: SessionId, *, user: UserId, turn: TurnId | None) -> TurnId:
        """Ask a turn to stop; without a name the open one, or else the next.

        Raises `Refused`: TURN_ENDED, FORBIDDEN for whoever may not write.
        """
        ...

    async def seen(self, session: SessionId, *, user: UserId, device: DeviceId, seq: Seq) -> None:
        """This device of the user has everything up to `seq`, which only grows.

        Raises `Refused` (FORBIDDEN) if the user is not in the session.
        """
        ...

    async def touch(self, session: SessionId, *, user: UserId) -> None:
        """Keep the session, its owner's list and the list of a user who is in it for 7 days."""
        ...

    async def tell(
        self,
        session: SessionId,
        *,
        user: UserId,
        type: str,
        frame: bytes,
        origin: ConnectionId,
    ) -> None:
        """Publish a live-only frame to the session's other connections, at most once.

        Raises `Refused` (FORBIDDEN) for whoever may not write.
        """
        ...
