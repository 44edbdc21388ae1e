"""Whether a connection may be in the session that it follows, and whom it may see there."""

from __future__ import annotations

from typing import Protocol

from parley_core.domain.changes import Dropped, RolesChanged
from parley_core.domain.codes import ErrorCode
from parley_core.domain.ids import UserId
from parley_edge.sink import Sink


class Following(Protocol):
    """A follower, which leaves a session that is gone."""

    @property
    def is_over(self) -> bool: ...

    def go_elsewhere(self) -> None:
        """Open the session again, or if it is gone its user's current one."""
        ...


class Belonging:
    """Hears who is in the session. What comes before the session was opened waits until then.

    The connection may be in another one meanwhile; then it stays there if it is refused here.
    """

    __slots__ = ("_early", "_has_begun", "_sink")

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._has_begun = False
        self._early: RolesChanged | Dropped | None = None

    @property
    def people(self) -> frozenset[UserId]:
        """Whose roles matter: the connection's user's, and of those whom it watches."""
        return self._sink.watched | {self._sink.user}

    def begin(self, following: Following) -> None:
        """The connection follows the session from now on."""
        self._has_begun = True
        if self._early is not None:
            self.changed(self._early, following)

    def changed(self, change: RolesChanged | Dropped, following: Following) -> None:
        if not self._has_begun:
            if isinstance(change, Dropped) or self._sink.user in change.roles:
                self._early = change
        elif following.is_over:
            return
        elif isinstance(change, Dropped):
            self._sink.fail(ErrorCode.SESSION_NOT_FOUND, "This session was deleted.")
            following.go_elsewhere()
        else:
            self._put_out({user for user, role in change.roles.items() if role is None})

    def _put_out(self, users: set[UserId]) -> None:
        """Whoever is out gets nothing more of the session, and is seen by nobody who is in it."""
        if self._sink.user in users:
            self._sink.put_out()
        self._sink.unwatch(users & self._sink.watched)
