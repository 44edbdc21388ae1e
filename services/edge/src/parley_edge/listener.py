"""What the hub tells a connection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from parley_core.domain.events import Top
from parley_core.domain.ids import SessionId, UserId
from parley_core.domain.members import Role
from parley_edge.domain.arrival import Arrival


class Listener(Protocol):
    """One connection's reading of one session."""

    session: SessionId
    user: UserId

    def arrived(self, arrival: Arrival) -> None:
        """A live frame."""
        ...

    def doubt(self) -> None:
        """Deliver nothing more until `compare`."""
        ...

    def compare(self, top: Top | None) -> None:
        """The log's newest event; None if the session is gone."""
        ...

    @property
    def people(self) -> frozenset[UserId]:
        """Whose membership matters to the connection: its user's, and of those whom it watches."""
        ...

    def roles_changed(self, roles: Mapping[UserId, Role | None]) -> None:
        """What these users are in the session now; None for who is not in it."""
        ...

    def dropped(self) -> None:
        """The session was deleted."""
        ...


class Watcher(Protocol):
    """A connection that watches presence."""

    def presence_changed(self, body: bytes) -> None: ...
