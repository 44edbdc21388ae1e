"""What was sent and not answered yet: one identifier, as many tries as it takes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from msgspec import UNSET, UnsetType

from parley.connection import Connection
from parley.domain.events import Received
from parley.domain.retrying import Later, is_reply, outcome_of
from parley.errors import Lost, Unacknowledged
from parley_core.domain import client_frames
from parley_core.domain import server_frames as wire
from parley_core.domain.backoff import backoff
from parley_core.domain.errors import PermanentError

AGAIN = 10.0
"""Seconds without any answer on a live connection after which a frame is sent again."""
OUTSTANDING = 64
"""Frames of one session that may wait for their answers; the next callers wait for a place."""

Reply = wire.Ack | wire.System | wire.History
Live = Callable[[], Awaitable[Connection]]
"""Waits for the connection to send over. Raises what ended the session."""
Outcome = Reply | Later | PermanentError


@dataclass(frozen=True, slots=True)
class _Sent:
    """One try: where it went, and what will have come of it."""

    connection: Connection
    answered: asyncio.Future[Outcome]


class Sender:
    """Delivers frames that the server answers, across connections.

    Frames that are awaited one after another keep their order; concurrent ones may overtake each
    other when one of them has to be repeated.
    """

    def __init__(self, *, roll: Callable[[], float]) -> None:
        self._roll = roll
        self._pending: dict[str, _Sent] = {}
        self._room = asyncio.Semaphore(OUTSTANDING)

    async def deliver(
        self,
        frame: client_frames.ClientFrame,
        *,
        key: str,
        live: Live,
        patience: float,
        repeat: bool = True,
    ) -> Reply:
        """Send until answered, for `patience` seconds. `repeat`: a second time does no harm.

        Raises `Refused`, `Ended`, or `Unacknowledged` when time is up.
        """
        try:
            async with asyncio.timeout(patience), self._room:
                return await self._until_answered(frame, key=key, live=live, repeat=repeat)
        except TimeoutError as late:
            raise Unacknowledged(f"no answer within {patience:g} s") from late

    async def _until_answered(
        self, frame: client_frames.ClientFrame, *, key: str, live: Live, repeat: bool
    ) -> Reply:
        failures = 0
        while True:
            outcome = await self._attempt(frame, key=key, live=live)
            if isinstance(outcome, PermanentError):
                raise outcome
            if not isinstance(outcome, Later):
                return outcome
            if not repeat:
                raise Unacknowledged("the connection was lost before the answer")
            failures += 1
            wait = outcome.delay
            await asyncio.sleep(backoff(failures, roll=self._roll()) if wait is None else wait)

    async def _attempt(self, frame: client_frames.ClientFrame, *, key: str, live: Live) -> Outcome:
        connection = await live()
        answered: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._pending[key] = _Sent(connection, answered)
        try:
            await connection.send(frame)
            async with asyncio.timeout(AGAIN):
                return await answered
        except (Lost, TimeoutError):
            return Later(None)
        finally:
            del self._pending[key]

    def settle(self, frame: Received) -> bool:
        """Hand `frame` to whoever waits for it; False if nobody does."""
        match frame:
            case wire.Ack():
                return self._answer(frame.message_id, frame)
            case wire.Text(seq=int(seq)):
                return self._answer(
                    frame.message_id, wire.Ack(message_id=frame.message_id, seq=seq)
                )
            case wire.System() | wire.History() if frame.request_id is not UNSET:
                return self._answer(frame.request_id, frame)
            case wire.Error() if is_reply(frame):
                outcome = outcome_of(frame)
                return self._answer(frame.message_id, outcome) or self._answer(
                    frame.request_id, outcome
                )
        return False

    def lose(self, connection: Connection) -> None:
        """It ended: whatever was sent over it and not answered may have been accepted."""
        for key, sent in tuple(self._pending.items()):
            if sent.connection is connection:
                self._answer(key, Later(0.0))

    async def settled(self, connection: Connection, *, within: float) -> None:
        """Returns when what was sent over it is answered, or after `within` seconds."""
        outstanding = [
            sent.answered for sent in self._pending.values() if sent.connection is connection
        ]
        if outstanding:
            await asyncio.wait(outstanding, timeout=within)

    def end(self, reason: PermanentError) -> None:
        """There will be no other connection."""
        for key in tuple(self._pending):
            self._answer(key, reason)

    def _answer(self, key: str | UnsetType, outcome: Outcome) -> bool:
        if isinstance(key, UnsetType):
            return False
        sent = self._pending.get(key)
        if sent is None:
            return False
        if not sent.answered.done():
            sent.answered.set_result(outcome)
        return True
