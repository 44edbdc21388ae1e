"""Streams an answer while it is written: one piece at a time, in order, about 25 a second."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

from parley_conversation.domain.transcript import Piece, Transcript

PERIOD = 0.04
"""Seconds between two deltas of a turn: smooth to the eye, and a tenth of the calls."""


class DeltaStream:
    """Sends what `transcript` has, each piece after the one before it was answered.

    While a `send` takes long the text gathers in the transcript, which holds one answer at most.
    Leaving the context ends the stream: what was not sent is in the committed answer.
    """

    def __init__(self, transcript: Transcript, send: Callable[[Piece], Awaitable[None]]) -> None:
        self._transcript = transcript
        self._send = send
        self._fresh = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._stream())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])
        if error is None and not self._task.cancelled():
            self._task.result()

    def say(self, message_id: str, text: str) -> None:
        """A model wrote a piece of a message."""
        self._transcript.say(message_id, text)
        self._fresh.set()

    def settle(self, truth: str) -> None:
        """A step ended, and this is the answer so far."""
        self._transcript.settle(truth)
        self._fresh.set()

    async def _stream(self) -> None:
        while True:
            await self._fresh.wait()
            self._fresh.clear()
            if self._transcript.has_more:
                await self._send(self._transcript.take())
                await asyncio.sleep(PERIOD)
