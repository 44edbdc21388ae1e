"""One live connection after another, for as long as the server's close codes allow.

One task runs `Line.run` and owns every connection; it dials, reads, hands over to a successor
when the server asks for it, and dials again. Everything else waits in `live`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from parley.connection import Connection, Observer, open_connection
from parley.domain.events import Received, State, Status
from parley.domain.inbox import Hole
from parley.domain.retrying import failures_after, pause
from parley.errors import Ended, Lost
from parley.handover import Attached, Handover
from parley_core.domain import server_frames as wire
from parley_core.domain.client_frames import Auth, Position
from parley_core.domain.codes import Reconnect, reconnect_after
from parley_core.domain.errors import PermanentError, Refused

_SETTLED = 1.0
"""Seconds that answers may take before a successor takes over; then the rest is sent again."""
_CLOSED = 0.5
"""Seconds for the closing handshake of a connection that has a successor, which waits meanwhile."""


class Listener(Protocol):
    """Whom the frames are for."""

    async def auth(self) -> Auth:
        """The first frame of the next connection."""
        ...

    def attaching(self) -> None:
        """The next connection is about to begin; what comes from now on may come over it too."""
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

    def follows(self, auth: Auth) -> bool:
        """Whether a connection that began with `auth` goes on where the stream is."""
        ...

    async def settled(self, connection: Connection, *, within: float) -> None:
        """Returns when what was sent over it is answered, or after `within` seconds."""
        ...

    def lost(self, connection: Connection) -> None:
        """It ended; nothing more comes over it."""
        ...


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
        self._handover: Handover | None = None
        self._ready = asyncio.Event()
        self._ended: PermanentError | None = None

    async def live(self) -> Connection:
        """The connection to send over; waits for one. Raises what ended the line."""
        while True:
            await self._ready.wait()
            if self._ended is not None:
                raise self._ended
            if self._current is not None and self._ready.is_set():
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
            await self._end_handover()
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
            delay = pause(failures, asked=lost.delay, roll=self._roll())
            self._on_status(Status(State.WAITING, delay, str(lost)))
            await asyncio.sleep(delay)

    async def _dial(self) -> Attached:
        self._dialed += 1
        auth = await self._listener.auth()
        connection = await open_connection(
            self._url,
            auth=auth,
            number=self._dialed,
            observer=self._observer,
            attaching=self._listener.attaching,
        )
        return Attached(connection, auth)

    async def _follow(self, attached: Attached) -> Lost:
        """Read a connection and then its successors, until one ends without any."""
        while True:
            lost = await self._read(attached)
            successor = await self._successor_after(lost)
            if successor is None:
                return lost
            attached = successor

    async def _successor_after(self, lost: Lost) -> Attached | None:
        is_final = lost.code is not None and reconnect_after(lost.code) is Reconnect.NEVER
        if self._handover is None or is_final:
            return None
        successor = await self._handover.successor()
        self._handover = None
        return successor

    async def _read(self, attached: Attached) -> Lost:
        connection = attached.connection
        try:
            await self._listener.attached(connection.system, resumed=attached.auth.resume)
            self._go_live(connection)
            while True:
                frame = await connection.receive()
                if isinstance(frame, wire.Reconnect):
                    self._plan_handover(connection, within=frame.within_ms / 1000)
                else:
                    await self._listener.received(frame)
        except Lost as lost:
            return lost
        except Hole as hole:
            connection.drop()
            return Lost(str(hole))
        finally:
            if self._current is connection:
                self._hold()
            await connection.close()
            self._listener.lost(connection)

    def _go_live(self, connection: Connection) -> None:
        if self._current is not connection:
            self._current = connection
            self._on_status(Status(State.LIVE))
        self._ready.set()

    def _hold(self) -> None:
        """Whoever wants to send waits for the next connection."""
        self._ready.clear()
        self._current = None

    def _plan_handover(self, connection: Connection, *, within: float) -> None:
        if self._handover is not None and not self._handover.has_failed:
            return
        self._handover = Handover(
            self._dial,
            take_over=lambda attached: self._take_over(connection, attached),
            delay=within * self._roll(),
            roll=self._roll,
        )

    async def _take_over(self, old: Connection, attached: Attached) -> bool:
        """From `old` to its successor: first what was sent over `old` is answered.

        What is sent meanwhile waits, so that nothing overtakes, and nothing is said in a session
        that `old` is about to leave. What `old` still brings is read before the successor is, which
        has it too if it is in the log.
        """
        self._ready.clear()
        await self._listener.settled(old, within=_SETTLED)
        if not self._listener.follows(attached.auth):
            if self._current is old:
                self._ready.set()
            return False
        self._go_live(attached.connection)
        try:
            async with asyncio.timeout(_CLOSED):
                await old.close()
        except TimeoutError:
            old.drop()
        return True

    async def _end_handover(self) -> None:
        if self._handover is not None:
            await self._handover.aclose()
            self._handover = None
