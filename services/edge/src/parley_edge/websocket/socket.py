"""A client's open WebSocket: frames are written as they are given, messages go to a listener.

It takes a transport over from the handshake and holds no task, no queue and no timer while it is
open: what only time brings is looked at once a second, for all connections together. The ends
differ: a message that is too large is answered before the close, a peer that is silent gets 4000,
and a close never waits for ever for a peer that does not read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from parley_core.domain.codes import CLOSES, CloseCode, ErrorCode
from parley_core.domain.server_frames import Error, encode
from parley_edge.domain.framing import Form, close_frame, ping_frame, pong_frame, text_frame
from parley_edge.domain.inbound import Control, Fault, FaultCode, Inbound, Opcode

PING_INTERVAL = 25.0
"""Seconds between two pings of a peer that answers."""
PONG_TIMEOUT = 8.0
"""Seconds that a peer has to answer a ping."""
CLOSE_TIMEOUT = 5.0
"""Seconds that a peer has to answer a close before the connection is cut."""
LOST_TIMEOUT = 1.0
"""The same for a peer that did not answer a ping."""
_QUIET = 0.25
"""Seconds without a byte after which a peer has read what was written before the close."""

_TOO_LARGE = text_frame(
    encode(
        Error(
            code=ErrorCode.MESSAGE_TOO_LARGE, message="The frame is larger than this server takes."
        )
    )
)


class Listener(Protocol):
    """What a socket tells. Called from the event loop; must not block."""

    def received(self, data: str | bytes) -> None:
        """One message: str if it was text, bytes if it was binary."""
        ...

    def choked(self) -> None:
        """The socket takes no more for now."""
        ...

    def writable(self) -> None:
        """The socket takes more, after it did not."""
        ...

    def closing(self) -> None:
        """Nothing more can be sent."""
        ...

    def lost(self) -> None:
        """The end: nothing is called after it."""
        ...


@dataclass(frozen=True, slots=True)
class KeepAlive:
    """Seconds between pings, and for a pong."""

    interval: float = PING_INTERVAL
    timeout: float = PONG_TIMEOUT


class ClientSocket(asyncio.Protocol):
    """One client's socket."""

    __slots__ = (
        "_connections",
        "_discards",
        "_inbound",
        "_is_paused",
        "_keep_alive",
        "_listener",
        "_loop",
        "_pinged",
        "_pinged_at",
        "_timer",
        "_transport",
        "form",
        "heard_at",
        "is_open",
        "is_writable",
        "write",
    )

    def __init__(
        self,
        transport: asyncio.Transport,
        *,
        loop: asyncio.AbstractEventLoop,
        connections: set[Any],
        inbound: Inbound,
        form: Form = Form.SOCKET,
        keep_alive: KeepAlive = KeepAlive(),
        is_paused: bool = False,
    ) -> None:
        """`connections` are those that the server shuts down at its end; `is_paused`: the transport
        is not read until somebody listens."""
        self._transport = transport
        self._loop = loop
        self._connections = connections
        self._inbound = inbound
        self._keep_alive = keep_alive
        self._listener: Listener | None = None
        self._is_paused = is_paused
        self._discards = False
        self._pinged: bytes | None = None
        self._pinged_at = self.heard_at = loop.time()
        self._timer: asyncio.TimerHandle | None = None
        self.form = form
        self.is_open = True
        """No close was sent or received."""
        self.is_writable = True
        self.write: Callable[[bytes], None] = transport.write
        """Write whole frames; after a close nothing is written."""
        connections.add(self)

    # For the connection

    def listen(self, listener: Listener, *, early: bytes = b"") -> None:
        """From now on `listener` is told; `early` is what the peer sent before."""
        self._listener = listener
        if self._transport.is_closing():
            self._shut()
            return
        if early:
            self.data_received(early)
        self.read_on()

    def close(self, code: CloseCode) -> None:
        """Begin the closing handshake; the peer has `CLOSE_TIMEOUT` to answer."""
        self._close(code, patience=CLOSE_TIMEOUT)

    def stop_reading(self) -> None:
        if not self._is_paused and not self._transport.is_closing():
            self._is_paused = True
            self._transport.pause_reading()

    def read_on(self) -> None:
        if self._is_paused and not self._transport.is_closing():
            self._is_paused = False
            self._transport.resume_reading()

    def check(self, now: float) -> None:
        """Once a second: ping a peer, and close one that did not answer."""
        if not self.is_open:
            return
        if self._pinged is None:
            if now - self._pinged_at >= self._keep_alive.interval:
                self._ping(now)
        elif self._is_paused:
            # We do not read, so a pong cannot be seen: no proof that the peer is gone.
            self._pinged, self._pinged_at = None, now
        elif now - self._pinged_at >= self._keep_alive.timeout:
            self._close(CloseCode.LOST, patience=LOST_TIMEOUT)

    def _ping(self, now: float) -> None:
        self._pinged, self._pinged_at = int(now * 1000).to_bytes(8, "big"), now
        self.write(ping_frame(self._pinged))

    # From the event loop

    def data_received(self, data: bytes) -> None:
        self.heard_at = self._loop.time()
        if self._discards:
            self._linger()
            return
        for message in self._inbound.feed(data):
            if isinstance(message, Control):
                self._control(message.opcode, message.payload)
            elif self.is_open and self._listener is not None:
                self._listener.received(message)
        if self._inbound.fault is not None:
            self._fail(self._inbound.fault)

    def _control(self, opcode: Opcode, payload: bytes) -> None:
        if opcode is Opcode.PING:
            self.write(pong_frame(payload))
        elif opcode is Opcode.CLOSE:
            self._peer_closed(payload)
        elif payload == self._pinged:
            self._pinged = None

    def _peer_closed(self, payload: bytes) -> None:
        if self.is_open:
            self.write(close_frame_like(payload))
            self._shut()
        self._transport.close()

    def pause_writing(self) -> None:
        self.is_writable = False
        if self._listener is not None:
            self._listener.choked()

    def resume_writing(self) -> None:
        self.is_writable = True
        if self._listener is not None:
            self._listener.writable()

    def eof_received(self) -> None:
        """A peer that ends its half of the connection without a close is gone."""
        self._shut()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._shut()
        self._connections.discard(self)
        if self._timer is not None:
            self._timer.cancel()
        if self._listener is not None:
            self._listener.lost()
            self._listener = None

    def shutdown(self) -> None:
        """The server's exit, which comes after our drain: whoever is left is told and cut."""
        self._close(CloseCode.DRAINED, patience=0.0)

    # The end

    def _fail(self, fault: Fault) -> None:
        """The peer broke RFC 6455 or the limit on sizes: say so, then read on only to discard.

        A socket closed with bytes unread is reset, and a reset takes what was written with it: so
        it is closed when the peer has been quiet for a moment.
        """
        self._discards = True
        if self.is_open:
            if fault.code is FaultCode.TOO_LARGE:
                self.write(_TOO_LARGE)
            self._end(close_frame(fault.code, fault.reason), patience=CLOSE_TIMEOUT)
        self._linger()

    def _linger(self) -> None:
        self._wait(_QUIET, self._transport.close)

    def _close(self, code: CloseCode, *, patience: float) -> None:
        if self.is_open and not self._transport.is_closing():
            self._end(close_frame(code, CLOSES[code].reason), patience=patience)

    def _end(self, close: bytes, *, patience: float) -> None:
        """Write a close, and wait for the peer's for `patience` seconds."""
        self.write(close)
        self.read_on()
        self._wait(patience, self._transport.abort)
        self._shut()

    def _wait(self, seconds: float, then: Callable[[], None]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(seconds, then)

    def _shut(self) -> None:
        """Nothing can be written any more. Idempotent."""
        if self.is_open:
            self.is_open = False
            self.write = _drop
            if self._listener is not None:
                self._listener.closing()


def close_frame_like(payload: bytes) -> bytes:
    """The answer to a peer's close: its own code, as RFC 6455, section 5.5.1 advises."""
    return b"\x88" + bytes((len(payload),)) + payload


def _drop(framed: bytes) -> None:
    del framed
