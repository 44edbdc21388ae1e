"""What a follower asks of its connection."""

from __future__ import annotations

from typing import Protocol

from parley_core.domain.client_frames import Capability
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

    def broken(self) -> None:
        """Something is wrong that only a new connection mends."""
        ...
