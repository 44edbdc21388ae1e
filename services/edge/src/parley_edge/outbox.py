"""The bounded way out of a connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from parley_core.domain.codes import CloseCode
from parley_edge.domain.backlog import Backlog


class Socket(Protocol):
    """What a connection asks of its socket."""

    heard_at: float

    @property
    def is_writable(self) -> bool: ...

    def write(self, framed: bytes) -> None: ...

    def close(self, code: CloseCode) -> None: ...

    def stop_reading(self) -> None: ...

    def read_on(self) -> None: ...


class Outbox:
    """Frames go straight to a socket that takes them, else into the backlog.

    Policy at the bound: the client is too slow. Its connection is closed and it resumes.
    """

    __slots__ = ("_backlog", "_clock", "_drained", "_socket")

    def __init__(self, socket: Socket, *, clock: Callable[[], float]) -> None:
        self._socket = socket
        self._clock = clock
        self._backlog = Backlog()
        self._drained: asyncio.Event | None = None

    @property
    def is_too_slow(self) -> bool:
        return bool(self._backlog) and self._backlog.is_too_slow(now=self._clock())

    @property
    def is_drained(self) -> bool:
        return not self._backlog and self._socket.is_writable

    def send(self, framed: bytes, *, live: bool) -> None:
        if self.is_drained:
            self._socket.write(framed)
        else:
            self._backlog.push(framed, live_since=self._clock() if live else None)

    def flush(self) -> None:
        """The socket takes more."""
        while self._backlog and self._socket.is_writable:
            self._socket.write(self._backlog.pop())
        if self.is_drained:
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
        if code is CloseCode.TOO_SLOW:
            self._backlog.clear()
        while self._backlog:
            self._socket.write(self._backlog.pop())
        self._socket.close(code)

    def give_up(self) -> None:
        """Nothing can be sent any more."""
        self._backlog.clear()
        self._wake()

    def _wake(self) -> None:
        if self._drained is not None:
            self._drained.set()
            self._drained = None
