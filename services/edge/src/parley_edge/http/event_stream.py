"""The socket of a connection whose client reads an HTTP response, as events or in one piece."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from starlette.types import Receive, Scope, Send

from parley_core.domain.codes import CloseCode
from parley_core.supervision import pause
from parley_edge.domain.event_stream import KEEP_ALIVE, closing
from parley_edge.domain.framing import Form
from parley_edge.websocket.socket import CLOSE_TIMEOUT, Listener

ROOM = 65_536
"""Bytes that wait for the response to take them; past it the connection's own queue is used."""
SILENCE = 15.0
"""Seconds without an event after which a comment keeps everything between awake."""
_HEADERS = (
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-store"),
    # A proxy that collects a response would keep its events.
    (b"x-accel-buffering", b"no"),
)


class EventStream:
    """What a connection writes goes out as the body of one response.

    Policy for slow readers: the connection's own, past `ROOM`. The stream ends with an event
    `close`; a reader that does not take even that within `CLOSE_TIMEOUT` is cut.
    """

    form = Form.EVENTS

    def __init__(
        self, transport: asyncio.Transport, *, clock: Callable[[], float], is_poll: bool
    ) -> None:
        """`is_poll`: nothing goes out before all does."""
        self._transport = transport
        self._clock = clock
        self._is_poll = is_poll
        self._listener: Listener | None = None
        self._waiting: list[bytes] = []
        self._size = 0
        self._news = asyncio.Event()
        self._cut: asyncio.TimerHandle | None = None
        self._is_lost = False
        self.write: Callable[[bytes], None] = self._write
        """Write whole events; after a close nothing is written."""
        self.heard_at = clock()
        """When the reader took something last; nothing else is ever heard of it."""
        self.closed: CloseCode | None = None

    def listen(self, listener: Listener) -> None:
        """From now on `listener` is told."""
        self._listener = listener

    # For the connection

    @property
    def is_writable(self) -> bool:
        return self._size < ROOM and not self.is_over

    @property
    def is_over(self) -> bool:
        """Nothing more can be written."""
        return self._is_lost or self.closed is not None

    def _write(self, framed: bytes) -> None:
        if self.is_over:
            return
        self._waiting.append(framed)
        self._size += len(framed)
        self._news.set()
        if self._size >= ROOM and self._listener is not None:
            self._listener.choked()

    def close(self, code: CloseCode) -> None:
        if not self.is_over:
            self._write(closing(code))
            self.closed = code
            # Whoever does not read must not hold what is left of it for ever.
            loop = asyncio.get_running_loop()
            self._cut = loop.call_later(CLOSE_TIMEOUT, self._transport.abort)

    def check(self, now: float) -> None:
        if not (self._is_poll or self._waiting) and now - self.heard_at >= SILENCE:
            self._write(KEEP_ALIVE)

    def stop_reading(self) -> None:
        """There is nothing to read."""

    def read_on(self) -> None:
        """There is nothing to read."""

    # For the response

    async def news(self, *, within: float | None) -> None:
        """Wait until something is written after the last `take` or `look`, or nothing more can be.

        For `within` seconds at most.
        """
        await pause(within, until=self._news)

    def look(self) -> bytes:
        """All that waits; it goes on waiting."""
        if not self.is_over:
            self._news.clear()
        return b"".join(self._waiting)

    def take(self) -> bytes:
        """All that waits, which is on its way then."""
        data = self.look()
        self._waiting, self._size = [], 0
        return data

    def taken(self) -> None:
        """What was taken is out."""
        self.heard_at = self._clock()
        if self._listener is not None and self.is_writable:
            self._listener.writable()

    def lose(self) -> None:
        """Nobody reads any more. Idempotent."""
        if self._cut is not None:
            self._cut.cancel()
        if not self._is_lost:
            self._is_lost = True
            self._news.set()
            if self._listener is not None:
                self._listener.lost()

    @asynccontextmanager
    async def read_by(self, receive: Receive) -> AsyncIterator[None]:
        """Inside, the stream is lost as soon as its reader is; afterwards it is in any case."""
        watch = asyncio.create_task(self._watch(receive), name="event stream's reader")
        try:
            yield
        finally:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)
            self.lose()

    async def _watch(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.lose()


class EventResponse:
    """An ASGI application: one stream, until its connection closes it or its reader is gone."""

    def __init__(self, stream: EventStream, *, first: bytes) -> None:
        """`first` goes out before all else."""
        self._stream = stream
        self._first = first

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del scope  # The request was read before.
        async with self._stream.read_by(receive):
            await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
            await self._run(send)
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _run(self, send: Send) -> None:
        stream = self._stream
        chunk = self._first + stream.take()
        while chunk:
            # Returns when the reader's socket takes more.
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
            stream.taken()
            await stream.news(within=None)
            chunk = stream.take()
