"""The next connection, opened while the one before still serves.

It is dialed at the moment that was chosen, again and again if that fails, until the one before has
ended: from then on the line's own rules say when to try.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from parley.connection import Connection
from parley.domain.retrying import pause
from parley.errors import Lost
from parley_core.domain.client_frames import Auth
from parley_core.domain.errors import Refused


@dataclass(frozen=True, slots=True)
class Attached:
    """An open connection, and the `auth` that it began with."""

    connection: Connection
    auth: Auth


class Handover:
    """One succession. Whoever made it takes its `successor` or ends it."""

    def __init__(
        self,
        dial: Callable[[], Awaitable[Attached]],
        *,
        take_over: Callable[[Attached], Awaitable[bool]],
        delay: float,
        roll: Callable[[], float],
    ) -> None:
        """`delay`: seconds until the first try.

        `take_over` makes the new connection the one in use and ends the old one; False: the new one
        is of no use, and another has to be opened.
        """
        self._dial = dial
        self._take_over = take_over
        self._roll = roll
        self._is_over = asyncio.Event()
        self._task = asyncio.create_task(self._succeed(delay))

    @property
    def has_failed(self) -> bool:
        """There will be no successor."""
        return self._task.done() and (
            self._task.cancelled() or self._task.exception() is not None or not self._task.result()
        )

    async def successor(self) -> Attached | None:
        """The connection before has ended: the next one, if it can be had at once."""
        self._is_over.set()
        # Not the task itself: who is cancelled here would cancel it, and be told of its result.
        await asyncio.wait({self._task})
        return self._task.result()

    async def aclose(self) -> None:
        """Nobody wants the successor."""
        self._task.cancel()
        await asyncio.wait({self._task})
        if not self.has_failed and (attached := self._task.result()):
            await attached.connection.close()

    async def _succeed(self, delay: float) -> Attached | None:
        await self._sleep(delay)
        failures = 0
        while True:
            try:
                attached = await self._dial()
            except Refused:
                return None
            except Lost as lost:
                failures += 1
                await self._sleep(pause(failures, asked=lost.delay, roll=self._roll()))
            else:
                if await self._is_taken(attached):
                    return attached
            if self._is_over.is_set():
                return None

    async def _is_taken(self, attached: Attached) -> bool:
        taken = False
        try:
            taken = await self._take_over(attached)
        finally:
            if not taken:
                await attached.connection.close()
        return taken

    async def _sleep(self, seconds: float) -> None:
        """Cut short when the connection before ends."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._is_over.wait()
