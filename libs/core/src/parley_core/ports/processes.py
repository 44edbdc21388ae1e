"""Processes, and who is connected through them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from parley_core.domain.events import ProcessInfo, Whereabouts
from parley_core.domain.ids import ConnectionId, DeviceId, ProcessId, UserId
from parley_core.domain.presence import LIFE


class Connections(Protocol):
    """Who is connected through this process. State, not events: a repeat changes nothing."""

    async def enter(self, user: UserId, *, device: DeviceId, connection: ConnectionId) -> None:
        """Register a connection (again, after the process was taken for dead)."""
        ...

    async def leave(self, user: UserId, *, connection: ConnectionId) -> None:
        """The connection ended; the user is offline if no other comes within the grace time."""
        ...

    async def held(self) -> dict[ConnectionId, UserId]:
        """What the store has of this process; it may have lost an end or a beginning."""
        ...

    async def whereabouts(self, users: Sequence[UserId]) -> tuple[Whereabouts, ...]:
        """Where users are, in the order asked."""
        ...


class Processes(Protocol):
    """Which processes live. Guarantee: one that was evicted is told at its next claim or beat."""

    async def beat(self, process: ProcessId, info: ProcessInfo) -> bool:
        """Alive for 8 more seconds; True if the process was reaped: it must register anew."""
        ...

    async def retire(self, process: ProcessId) -> None:
        """The process ended in order and has nothing left."""
        ...

    async def alive(self, *, within: float = LIFE) -> dict[ProcessId, ProcessInfo]:
        """The processes whose last beat is not older than `within` seconds, 8 at most."""
        ...

    async def dead(self) -> tuple[ProcessId, ...]:
        """Processes that stopped beating and have not been reaped."""
        ...

    async def evict(self, process: ProcessId, *, bar: float = 0.0) -> int:
        """Hand back all sessions that a process holds; it may not claim for `bar` seconds."""
        ...

    async def reap(self, process: ProcessId, *, if_overdue: bool = False) -> int:
        """Take a dead process's connections away; how many there were.

        `if_overdue` spares a process that has beaten in time.
        """
        ...
