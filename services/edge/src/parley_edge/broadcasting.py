"""From the channel that all edges hear to the connections of this process."""

from __future__ import annotations

import asyncio
from collections import deque

import structlog

from parley_core.domain import broadcast
from parley_core.domain.broadcast import Broadcast
from parley_core.domain.errors import Unavailable
from parley_edge.domain.framing import Form
from parley_edge.hub import Hub
from parley_edge.roster import Roster

log = structlog.get_logger(__name__)

BOUND = 100
"""Broadcasts that may wait. Policy past it: a new one is dropped, as at most once allows."""
_SLICE = 200
"""Connections that are told in one go, so that no other frame waits for all of them."""
_PAUSE = 0.5
"""Seconds to wait after Redis was away."""


class Broadcasts:
    """A watcher of one channel; `run` tells those whom a broadcast is for."""

    def __init__(self, hub: Hub, roster: Roster, *, channel: str) -> None:
        self._hub = hub
        self._roster = roster
        self._channel = channel
        self._waiting: deque[Broadcast] = deque()
        self._wake = asyncio.Event()

    def told(self, body: bytes) -> None:
        if len(self._waiting) >= BOUND:
            log.warning("too many broadcasts wait: one was dropped", bound=BOUND)
            return
        try:
            self._waiting.append(broadcast.unpack(body))
        except ValueError as error:
            log.warning("a broadcast cannot be read", error=type(error).__name__)
        self._wake.set()

    async def run(self) -> None:
        """Until cancelled."""
        await self._join()
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                await self._tell(self._waiting.popleft())

    async def _join(self) -> None:
        while True:
            try:
                await self._hub.watches.join(self._channel, self)
            except Unavailable:
                await asyncio.sleep(_PAUSE)
            else:
                return

    async def _tell(self, told: Broadcast) -> None:
        frame = bytes(told.frame)
        rendered = {form: form.write(frame) for form in Form}
        for index, connection in enumerate(self._roster, start=1):
            if connection.is_registered and told.is_for(connection.user):
                connection.outbox.write(rendered[connection.audience.form])
            if index % _SLICE == 0:
                await asyncio.sleep(0)
