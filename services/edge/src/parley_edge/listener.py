"""What the hub tells a connection."""

from __future__ import annotations

from typing import Protocol

from parley_core.domain.changes import Dropped, RolesChanged
from parley_core.domain.events import Top
from parley_core.domain.ids import SessionId, UserId
from parley_edge.cohorts import Cohort
from parley_edge.domain.arrival import Arrival


class Listener(Protocol):
    """One connection's reading of one session."""

    session: SessionId
    user: UserId

    cohort: Cohort | None
    """Those with whom it is given frames; None if alone."""

    @property
    def people(self) -> frozenset[UserId]:
        """Whose roles in the session matter to it."""
        ...

    def changed(self, change: RolesChanged | Dropped) -> None:
        """Who is in the session is another matter now."""
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


class Watcher(Protocol):
    """Somebody who hears another channel: a user's presence, or broadcasts."""

    def told(self, body: bytes) -> None:
        """What was published on a channel that is no session's."""
        ...
