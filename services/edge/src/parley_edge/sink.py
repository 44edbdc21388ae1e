"""What a follower asks of its connection."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from parley_core.domain.codes import ErrorCode
from parley_core.domain.ids import ConnectionId, UserId
from parley_core.domain.server_frames import ServerFrame
from parley_edge.domain.framing import Place
from parley_edge.domain.rendering import Audience
from parley_edge.outbox import Outbox


class Sink(Protocol):
    """The way to the client."""

    id: ConnectionId
    user: UserId
    audience: Audience
    outbox: Outbox

    @property
    def watched(self) -> frozenset[UserId]:
        """Whose presence the client is told."""
        ...

    @property
    def is_leaving(self) -> bool:
        """It hears of each log frame, by `moved`, to leave between an answer and the next text."""
        ...

    @property
    def is_closing(self) -> bool: ...

    def send(self, frame: ServerFrame) -> None: ...

    def replay(self, frame: ServerFrame, *, place: Place | None = None) -> None:
        """Send what the socket paces; `place` is where the client is then, if this moves it."""
        ...

    def moved(self, *, behind: bool) -> None:
        """The follower went on, or fell behind."""
        ...

    async def drained(self) -> None: ...

    def unwatch(self, users: Iterable[UserId]) -> None: ...

    def fail(self, code: ErrorCode, message: str) -> None:
        """Send an error; the connection goes on."""
        ...

    def put_out(self) -> None:
        """Its user is not in the session any more."""
        ...

    def broken(self) -> None:
        """Something is wrong that only a new connection mends."""
        ...
