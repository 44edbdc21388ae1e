"""One session in this process's hands: its lease, and what may end it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import cast

from langgraph.runtime import RunControl

from parley_core.domain.events import Lease, Stop
from parley_core.domain.ids import Token


class Stopped(Exception):
    """An attempt was ended because its turn is to stop."""


class Run:
    """A leased session while one of its turns runs.

    Belongs to the event loop; the renewal thread only reads `lease` and `until`. `until` (by
    `clock`, seconds) is when this process gives the session up, whatever hangs.
    """

    def __init__(self, lease: Lease, *, until: float, clock: Callable[[], float]) -> None:
        self.lease = lease
        self.until = until
        self.lost = False
        self.control = RunControl()
        self.stop: Stop | None = None
        """Why its turn is to end, once that is known."""
        self._clock = clock
        self._in_doubt = 0
        self._cancelled = False
        self._task: asyncio.Task[None] | None = None
        self._attempt: asyncio.Task[None] | None = None

    @property
    def is_over(self) -> bool:
        """Nothing is worth a repeat any more: the lease is another's, or the time is up."""
        return self.lost or self._cancelled or self._clock() >= self.until

    def belongs_to(self, task: asyncio.Task[None]) -> None:
        """The task to cancel when the run must end."""
        self._task = task

    def adopt(self, token: Token) -> None:
        """A new attempt has begun under a new token."""
        self.lease = Lease(self.lease.session, token)

    @contextmanager
    def in_doubt(self) -> Iterator[None]:
        """While a call is under way that ends the lease or gives it a new token.

        The server may have done it before its reply reaches us: a renewal that is refused in
        between says nothing. The call's own reply does.
        """
        self._in_doubt += 1
        try:
            yield
        finally:
            self._in_doubt -= 1

    def refuse(self, lease: Lease) -> None:
        """A renewal of `lease` was refused."""
        if lease == self.lease and not self._in_doubt:
            self.lose()

    def stopped(self, why: Stop) -> None:
        """Its turn is to end before it is done: what `until_stopped` holds ends now."""
        if self.stop is None:
            self.stop = why
            if self._attempt:
                self._attempt.cancel()

    @asynccontextmanager
    async def until_stopped(self) -> AsyncIterator[None]:
        """Around an attempt. Raises `Stopped` in place of what a stop cut short.

        As `asyncio.timeout` does it: a cancellation from elsewhere, which may come at the same
        time, stays one.
        """
        task = self._attempt = cast("asyncio.Task[None]", asyncio.current_task())
        before = task.cancelling()
        if self.stop:
            task.cancel()
        try:
            # A stop that is known already takes effect here.
            await asyncio.sleep(0)
            yield
        except asyncio.CancelledError:
            if self.stop and task.uncancel() <= before:
                raise Stopped from None
            raise
        finally:
            self._attempt = None

    def lose(self) -> None:
        """The lease is another's. The run ends at once; it may write nothing more."""
        self.lost = True
        self._end()

    def cancel(self) -> None:
        """End the run now, between two steps of its graph, and give the session back."""
        self._end()

    def _end(self) -> None:
        if not self._cancelled:
            self._cancelled = True
            if self._task:
                self._task.cancel()
