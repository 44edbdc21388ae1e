"""What the hub tells a connection."""

from __future__ import annotations

from typing import Protocol

from parley_core.domain.changes import Dropped, RolesChanged
from parley_core.domain.events import Top
from parley_core.domain.ids import SessionId, UserId
from parley_edge.domain.arrival import Arrival


class Listener(Protocol):
    """One connection's reading of one session."""

    session: SessionId
    user: UserId

    @property
    def belonging(self) -> Belonging:
        """What hears who is in the session."""
        ...

    def arrived(self, arrival: Arrival) -> None:
        """A live frame."""
        ...

    def doubt(self) -> None:
        """Deliver nothing more until `compare`."""
        ...

    def compare(self, top: Top | None) -> None:
        """The log's newest event; None if the session is gone."""
        ...


class Belonging(Protocol):
    """Whether a connection may be in a session, and whom it may see there."""

    @property
    def people(self) -> frozenset[UserId]:
        """Whose roles matter to it."""
        ...

    def changed(self, change: RolesChanged | Dropped) -> None: ...


class Watcher(Protocol):
    """Somebody who hears another channel: a user's presence, or broadcasts."""

    def told(self, body: bytes) -> None:
        """What was published on a channel that is no session's."""
        ...
