"""One live connection after another, for as long as the server's close codes allow.

One task runs `Line.run` and owns every connection; it dials, reads, hands over to a successor
when the server asks for it, and dials again. Everything else waits in `live`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from parley.connection import Connection, Observer, open_connection
from parley.domain.events import Received, State, Status
from parley.domain.inbox import Hole
from parley.domain.retrying import failures_after
from parley.errors import Ended, Lost
from parley_core.domain import server_frames as wire
from parley_core.domain.backoff import backoff
from parley_core.domain.client_frames import Auth, Position
from parley_core.domain.errors import PermanentError, Refused


class Listener(Protocol):
    """Whom the frames are for."""

    async def auth(self) -> Auth:
        """The first frame of the next connection."""
        ...

    async def attached(self, system: wire.System, *, resumed: Position | None) -> None:
        """A connection begins with `system`. Raises `Hole`."""
        ...

    async def received(self, frame: Received) -> None:
        """The next frame. Raises `Hole`: then the connection is replaced."""
        ...

    def refused(self, refused: Refused) -> bool:
        """The server said no to `auth`; True: the next one will differ."""
        ...

    def lost(self) -> None:
        """The connection ended; nothing more comes over it."""
        ...


@dataclass(frozen=True, slots=True)
class _Attached:
    """An open connection, and what its `auth` asked to resume from."""

    connection: Connection
    resumed: Position | None


class Line:
    """Connects `listener` to `url`, again and again."""

    def __init__(
        self,
        url: str,
        *,
        listener: Listener,
        on_status: Callable[[Status], None],
        observer: Observer | None,
        roll: Callable[[], float],
    ) -> None:
        self._url = url
        self._listener = listener
        self._on_status = on_status
        self._observer = observer
        self._roll = roll
        self._dialed = 0
        self._current: Connection | None = None
        self._successor: _Attached | None = None
        self._succession: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        self._ended: PermanentError | None = None

    async def live(self) -> Connection:
        """The connection to send over; waits for one. Raises what ended the line."""
        while True:
            await self._ready.wait()
            if self._ended is not None:
                raise self._ended
            if self._current is not None:
                return self._current

    def drop(self) -> None:
        """Cut the current socket, if there is one."""
        if self._current is not None:
            self._current.drop()

    async def run(self) -> PermanentError:
        """Returns why there will be no other connection; cancelled: because nobody wants one."""
        reason: PermanentError = Ended("the session was closed")
        try:
            reason = await self._connect_forever()
        finally:
            self._ended = reason
            self._ready.set()
        return reason

    async def _connect_forever(self) -> PermanentError:
        failures = 0
        while True:
            self._on_status(Status(State.CONNECTING))
            lived = 0.0
            try:
                attached = await self._dial()
            except Refused as refused:
                if not self._listener.refused(refused):
                    return refused
                lost = Lost(refused.message)
            except Lost as error:
                lost = error
            else:
                began = asyncio.get_running_loop().time()
                lost = await self._follow(attached)
                lived = asyncio.get_running_loop().time() - began
            again = failures_after(lost.code, failures=failures, lived=lived)
            if again is None:
                return Ended(f"the server closed the connection: {lost}", code=lost.code)
            failures = again
            delay = max(lost.delay, backoff(failures, roll=self._roll()))
            self._on_status(Status(State.WAITING, delay, str(lost)))
            await asyncio.sleep(delay)

    async def _dial(self) -> _Attached:
        self._dialed += 1
        auth = await self._listener.auth()
        connection = await open_connection(
            self._url, auth=auth, number=self._dialed, observer=self._observer
        )
        return _Attached(connection, auth.resume)

    async def _follow(self, attached: _Attached) -> Lost:
        """Read a connection and then its successors, until one ends without any."""
        while True:
            lost = await self._read(attached)
            if self._successor is None:
                return lost
            attached, self._successor = self._successor, None

    async def _read(self, attached: _Attached) -> Lost:
        connection = attached.connection
        try:
            await self._listener.attached(connection.system, resumed=attached.resumed)
            self._go_live(connection)
            while True:
                frame = await connection.receive()
                if isinstance(frame, wire.Reconnect):
                    self._plan_successor(connection, within=frame.within_ms / 1000)
                else:
                    await self._listener.received(frame)
        except Lost as lost:
            return lost
        except Hole as hole:
            connection.drop()
            return Lost(str(hole))
        finally:
            self._ready.clear()
            self._current = None
            await self._end_succession()
            await connection.close()
            self._listener.lost()

    def _go_live(self, connection: Connection) -> None:
        self._current = connection
        self._ready.set()
        self._on_status(Status(State.LIVE))

    def _plan_successor(self, connection: Connection, *, within: float) -> None:
        if self._succession is None:
            delay = within * self._roll()
            self._succession = asyncio.create_task(self._succeed(connection, delay=delay))

    async def _succeed(self, connection: Connection, *, delay: float) -> None:
        """Open the next connection while this one still serves, then close this one.

        If that fails the server's own close of `connection` decides what follows.
        """
        await asyncio.sleep(delay)
        try:
            self._successor = await self._dial()
        except (Lost, Refused):
            return
        await connection.close()

    async def _end_succession(self) -> None:
        if self._succession is not None:
            task, self._succession = self._succession, None
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
