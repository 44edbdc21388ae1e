"""Connections that ended, until the store knows."""

from __future__ import annotations

import asyncio

import structlog

from parley_core.domain.errors import Unavailable
from parley_core.domain.ids import ConnectionId, UserId
from parley_core.ports import Connections
from parley_core.supervision import pause

log = structlog.get_logger(__name__)

BOUND = 100_000
"""Departures that may wait. Policy past it: the oldest is dropped, and the reaper of this process's
connections makes up for it when the process ends."""
_BATCH = 500
_PAUSE = 0.5
"""Seconds to wait after Redis was away."""


class Departures:
    """Says goodbye for connections, again and again until it was heard."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._waiting: dict[ConnectionId, UserId] = {}
        self._wake = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()

    def add(self, connection: ConnectionId, *, user: UserId) -> None:
        if len(self._waiting) >= BOUND:
            dropped = next(iter(self._waiting))
            del self._waiting[dropped]
            log.warning("too many departures wait for Redis: one was dropped", bound=BOUND)
        self._waiting[connection] = user
        self._empty.clear()
        self._wake.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                await self._leave(dict(list(self._waiting.items())[:_BATCH]))
            self._empty.set()

    async def emptied(self, *, within: float) -> bool:
        """Whether all have left, after `within` seconds at most."""
        return await pause(within, until=self._empty)

    async def _leave(self, batch: dict[ConnectionId, UserId]) -> None:
        results = await asyncio.gather(
            *(self._left(connection, user) for connection, user in batch.items())
        )
        if not all(results):
            await asyncio.sleep(_PAUSE)

    async def _left(self, connection: ConnectionId, user: UserId) -> bool:
        try:
            await self._connections.leave(user, connection=connection)
        except Unavailable:
            return False
        self._waiting.pop(connection, None)
        return True
