"""What becomes of the work and the connections of a process that died."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from parley_core.domain.errors import Unavailable
from parley_core.domain.ids import ProcessId
from parley_core.ports import Processes

BAR = 60.0
"""Seconds for which the dead process may not claim: it might only look dead."""
_WITHIN = 5.0
"""Seconds; later its leases have expired anyway."""


class Inheritance:
    """Hands on at once what a dead process held. Without it that takes its leases' time."""

    def __init__(self, processes: Processes, *, say: Callable[[str], None]) -> None:
        self._processes = processes
        self._say = say

    async def hand_on(self, process: ProcessId) -> None:
        """Sessions go to the other workers, connections are ended. A failure is only said."""
        try:
            async with asyncio.timeout(_WITHIN):
                sessions = await self._processes.evict(process, bar=BAR)
                connections = await self._processes.reap(process)
        except (TimeoutError, Unavailable) as error:
            self._say(f"{process} holds its sessions until their leases expire: {error}")
        else:
            self._say(f"{process} is gone: {sessions} sessions and {connections} connections freed")
