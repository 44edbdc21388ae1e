"""What a follower asks of its connection."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from typing import Protocol

from parley_core.domain.client_frames import Capability
from parley_core.domain.codes import ErrorCode
from parley_core.domain.ids import ConnectionId, UserId
from parley_core.domain.server_frames import ServerFrame


class Sink(Protocol):
    """The way to the client."""

    id: ConnectionId
    user: UserId
    capabilities: frozenset[Capability]

    @property
    def is_closing(self) -> bool: ...

    def send(self, frame: ServerFrame, *, live: bool = False) -> None: ...

    def send_framed(self, framed: bytes, *, live: bool) -> None: ...

    def moved(self, *, behind: bool) -> None:
        """The follower went on, or fell behind."""
        ...

    async def drained(self) -> None: ...

    @property
    def watched(self) -> AbstractSet[UserId]:
        """Whose presence the client is told."""
        ...

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
