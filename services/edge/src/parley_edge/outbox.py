"""The bounded way out of a connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Protocol

from parley_core.domain.codes import CloseCode
from parley_edge.domain.backlog import Backlog
from parley_edge.domain.framing import Form


class Socket(Protocol):
    """What a connection asks of its socket."""

    form: Form
    heard_at: float
    write: Callable[[bytes], None]
    """After a close nothing is written."""

    @property
    def is_writable(self) -> bool: ...

    def close(self, code: CloseCode) -> None: ...

    def check(self, now: float) -> None:
        """Once a second: what only time brings."""
        ...

    def stop_reading(self) -> None: ...

    def read_on(self) -> None: ...


class Outbox:
    """Frames go straight to a socket that takes them, else into the backlog.

    Policy at the bound: the client is too slow. Its connection is closed and it resumes.
    """

    __slots__ = ("_backlog", "_clock", "_drained", "_socket", "_too_slow", "write")

    def __init__(
        self, socket: Socket, *, clock: Callable[[], float], too_slow: Callable[[], None]
    ) -> None:
        """`too_slow` is called when a frame passes the bound."""
        self._socket = socket
        self._clock = clock
        self._too_slow = too_slow
        self._backlog: Backlog | None = None
        self._drained: asyncio.Event | None = None
        self.write: Callable[[bytes], None] = socket.write
        """Send a live frame. The socket's own `write` while nothing waits: no step between."""

    @property
    def is_too_slow(self) -> bool:
        return self._backlog is not None and self._backlog.is_too_slow(now=self._clock())

    @property
    def is_drained(self) -> bool:
        return self._backlog is None

    def replay(self, framed: bytes) -> None:
        """Send a frame that does not count as live: the socket paces it."""
        if self._backlog is None:
            self.write(framed)
        else:
            self._backlog.push(framed, live_since=None)

    def choke(self) -> None:
        """The socket takes no more for now."""
        if self._backlog is None:
            self._backlog = Backlog()
            self.write = partial(self._hold, self._backlog)

    def _hold(self, backlog: Backlog, framed: bytes) -> None:
        now = self._clock()
        backlog.push(framed, live_since=now)
        if backlog.is_too_slow(now=now):
            self._too_slow()

    def flush(self) -> None:
        """The socket takes more."""
        backlog = self._backlog
        if backlog is None:
            return
        while backlog and self._socket.is_writable:
            self._socket.write(backlog.pop())
        if not backlog and self._socket.is_writable:
            self._backlog = None
            self.write = self._socket.write
            self._wake()

    async def drained(self) -> None:
        """Returns when the socket has taken everything, or is closed; pings bound the wait."""
        if not self.is_drained:
            self._drained = self._drained or asyncio.Event()
            await self._drained.wait()

    def close(self, code: CloseCode) -> None:
        """Hand over what is left, which is bounded, and begin the closing handshake.

        A client that is too slow gets nothing more: it resumes anyway.
        """
        backlog, self._backlog = self._backlog, None
        while backlog and code is not CloseCode.TOO_SLOW:
            self._socket.write(backlog.pop())
        self._socket.close(code)

    def give_up(self) -> None:
        """Nothing can be sent any more."""
        self._backlog = None
        self.write = _drop
        self._too_slow = _nothing
        self._wake()

    def _wake(self) -> None:
        if self._drained is not None:
            self._drained.set()
            self._drained = None


def _drop(framed: bytes) -> None:
    del framed


def _nothing() -> None:
    pass
