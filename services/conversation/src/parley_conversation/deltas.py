"""Streams an answer while it is written: one piece at a time, in order, about 25 a second."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

from parley_conversation.domain.transcript import Piece, Transcript

PERIOD = 0.04
"""Seconds between two deltas of a turn: smooth to the eye, and a tenth of the calls."""


SHOWN = 16
"""Nodes that are shown at once at most."""


class DeltaStream:
    """Sends what `transcript` has, each piece after the one before it was answered.

    While a `send` takes long the text gathers in the transcript, which holds one answer at most.
    Beside it goes what the graph is doing, by name, if it does that for a while. Leaving the
    context ends the stream: what was not sent is in the committed answer.
    """

    def __init__(
        self,
        transcript: Transcript,
        send: Callable[[Piece], Awaitable[None]],
        show: Callable[[str], Awaitable[None]],
    ) -> None:
        self._transcript = transcript
        self._send = send
        self._show = show
        self._doing: tuple[str, ...] = ()
        self._written, self._moved = asyncio.Event(), asyncio.Event()

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(part) for part in (self._stream(), self._follow())]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)
        for task in self._tasks:
            # Also looked at where the graph's own error goes first.
            broken = None if task.cancelled() else task.exception()
            if broken and error is None:
                raise broken

    def say(self, message_id: str, text: str) -> None:
        """A model wrote a piece of a message."""
        self._transcript.say(message_id, text)
        self._written.set()

    def settle(self, truth: str) -> None:
        """A step ended, and this is the answer so far."""
        self._transcript.settle(truth)
        self._written.set()

    def doing(self, names: tuple[str, ...]) -> None:
        """What the graph works on now."""
        self._doing = names
        self._moved.set()

    async def _stream(self) -> None:
        while True:
            await self._written.wait()
            self._written.clear()
            if self._transcript.has_more:
                await self._send(self._transcript.take())
                await asyncio.sleep(PERIOD)

    async def _follow(self) -> None:
        shown: tuple[str, ...] = ()
        while True:
            await self._moved.wait()
            # What comes and goes at once is not worth a call.
            await asyncio.sleep(PERIOD)
            self._moved.clear()
            news = [name for name in self._doing if name not in shown]
            shown = self._doing
            for name in news[:SHOWN]:
                await self._show(name)
