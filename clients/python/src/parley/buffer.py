"""Between the connection's reader and the user's loop."""

from __future__ import annotations

import asyncio

from parley.domain.events import Event
from parley.errors import Ended
from parley_core.domain.errors import PermanentError

ROOM = 1_000
"""Events. At the bound the socket is no longer read, so the server sees a slow reader, closes with
4001 and keeps the rest in its log: the policy is to wait, never to drop."""


class EventBuffer:
    """Events in order, then the reason why there are no more."""

    def __init__(self, *, room: int = ROOM) -> None:
        self._events: asyncio.Queue[Event | None] = asyncio.Queue(room)
        self._ended: PermanentError | None = None

    async def put(self, event: Event) -> None:
        """Waits while the buffer is full."""
        await self._events.put(event)

    def end(self, reason: PermanentError) -> None:
        """Nothing follows; what is in the buffer can still be read. Idempotent."""
        if self._ended is not None:
            return
        self._ended = reason
        if self._events.empty():
            self._events.put_nowait(None)  # wakes a reader that waits

    async def get(self) -> Event | None:
        """The next event; after the last one None if this side closed, else raises the reason."""
        if self._ended is None or not self._events.empty():
            event = await self._events.get()
            if event is not None:
                return event
        if self._ended is None or (isinstance(self._ended, Ended) and self._ended.code is None):
            return None
        raise self._ended
