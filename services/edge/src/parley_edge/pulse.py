"""The process's sign of life, and the connections that the store has of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from parley_core.domain.errors import Unavailable
from parley_core.domain.events import ProcessInfo
from parley_core.domain.ids import ConnectionId, DeviceId, ProcessId, UserId
from parley_core.ports import Connections, Processes
from parley_edge.departures import Departures
from parley_edge.roster import Roster

_BATCH = 500
"""Connections that are registered in one pipeline."""


class Pulse:
    """Beats; after it was taken for dead it makes the store's list of connections true again."""

    def __init__(
        self,
        processes: Processes,
        connections: Connections,
        *,
        process: ProcessId,
        roster: Roster,
        departures: Departures,
        info: Callable[[], ProcessInfo],
    ) -> None:
        self._processes = processes
        self._connections = connections
        self._process = process
        self._roster = roster
        self._departures = departures
        self._info = info
        self._doubts = False
        self._beating = asyncio.Lock()

    async def beat(self) -> None:
        """Once, with what is true by then; while Redis is away nothing is lost but time.

        One at a time: a beat whose reply has not come makes the store doubt the next one.
        """
        async with self._beating:
            try:
                self._doubts |= await self._processes.beat(self._process, self._info())
                if self._doubts:
                    await self._reconcile()
                    self._doubts = False
            except Unavailable:
                return

    async def retire(self) -> None:
        await self._processes.retire(self._process)

    async def _reconcile(self) -> None:
        held = await self._connections.held()
        here = {
            connection.id: (connection.user, connection.device)
            for connection in self._roster
            if connection.is_registered
        }
        missing = [(id_, *here[id_]) for id_ in here.keys() - held.keys()]
        for start in range(0, len(missing), _BATCH):
            chunk = missing[start : start + _BATCH]
            await asyncio.gather(*(self._enter(*connection) for connection in chunk))
        for id_ in held.keys() - here.keys():
            if not self._roster.knows(id_):
                self._departures.add(id_, user=held[id_])

    async def _enter(self, connection: ConnectionId, user: UserId, device: DeviceId) -> None:
        # It may have left since; then its departure must not be overtaken.
        if self._roster.has(connection):
            await self._connections.enter(user, device=device, connection=connection)
