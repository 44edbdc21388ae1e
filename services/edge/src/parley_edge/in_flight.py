"""A connection's own text, from its append to its ack."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from parley_core.domain.ids import MessageId, Seq

_FEED_PATIENCE = 0.05
"""Seconds that the feed has to bring what lies before the connection's own text."""


class InFlight:
    """One text at a time: a connection's inputs are carried out one after another."""

    __slots__ = ("_awaited", "message_id")

    def __init__(self) -> None:
        self.message_id: MessageId | None = None
        self._awaited: tuple[Seq, asyncio.Future[None]] | None = None

    @property
    def is_awaited(self) -> bool:
        """Somebody waits for the text's place in the order."""
        return self._awaited is not None

    def settled(self, message_id: MessageId) -> None:
        """It has its ack."""
        if message_id == self.message_id:
            self.message_id = None

    async def reached(self, seq: Seq, *, begun: Callable[[], None]) -> None:
        """Returns when `release` was called with that place, or after a moment.

        `begun` is called as soon as it is awaited.
        """
        reached = asyncio.get_running_loop().create_future()
        self._awaited = (seq, reached)
        begun()
        await asyncio.wait({reached}, timeout=_FEED_PATIENCE)
        self._awaited = None

    def release(self, at: Seq | None) -> None:
        """The reader stands at `at`, None if it goes nowhere any more."""
        if self._awaited is not None:
            seq, reached = self._awaited
            if (at is None or at >= seq) and not reached.done():
                reached.set_result(None)
