"""The WebSocket under a connection: uvicorn's protocol class, changed where Parley differs.

Messages go straight to a listener instead of through a queue and a task, frames are written as
they are given, and the ends differ: a message that is too large is answered before the close, a
peer that is silent gets 4000, and a close never waits for ever for a peer that does not read.
"""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar, Protocol

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from parley_core.domain.codes import CLOSES, CloseCode, ErrorCode
from parley_core.domain.server_frames import Error, encode
from parley_edge.domain.framing import text_frame
from parley_edge.handshakes import Admission, says_resume, turned_away

EXTENSION = "parley"
"""Under this name of the ASGI scope's extensions the endpoint finds its socket."""
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
_INVALID_TEXT = 1007

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

    def writable(self) -> None:
        """The socket takes more, after it did not."""
        ...

    def closing(self) -> None:
        """Nothing more can be sent."""
        ...

    def lost(self) -> None:
        """The end: nothing is called after it."""
        ...


class EdgeProtocol(WebSocketsSansIOProtocol):
    """One client's socket."""

    admission: ClassVar[Admission | None] = None
    """Lets handshakes in; None: all."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.heard_at = self.loop.time()
        self._listener: Listener | None = None
        self._early: list[str | bytes] = []
        self._discards = False
        self._quiet: asyncio.TimerHandle | None = None

    # For the connection

    def listen(self, listener: Listener) -> None:
        """From now on `listener` is told; messages that came before are given to it first."""
        self._listener = listener
        if self.disconnected:
            listener.lost()
            return
        early, self._early = self._early, []
        for data in early:
            listener.received(data)
        self.read_on()

    @property
    def is_writable(self) -> bool:
        return self.writable.is_set()

    def write(self, framed: bytes) -> None:
        """Write whole frames; after a close nothing is written."""
        if not self.close_sent and not self.transport.is_closing():
            self.transport.write(framed)

    def close(self, code: CloseCode) -> None:
        """Begin the closing handshake; the peer has `CLOSE_TIMEOUT` to answer."""
        self._close(code, patience=CLOSE_TIMEOUT)

    def stop_reading(self) -> None:
        if not self.read_paused and not self.transport.is_closing():
            self.read_paused = True
            self.transport.pause_reading()

    def read_on(self) -> None:
        if self.read_paused and not self.transport.is_closing():
            self.read_paused = False
            self.transport.resume_reading()

    # From the event loop, by way of uvicorn

    def handle_connect(self, event: Any) -> None:
        wait = None
        if self.admission is not None:
            wait = self.admission.admit(resumes=says_resume(event.path))
        if wait is None:
            super().handle_connect(event)
        else:
            self.transport.write(turned_away(wait))
            self.transport.close()

    async def run_asgi(self) -> None:
        extensions: dict[str, Any] = self.scope["extensions"]
        extensions[EXTENSION] = self
        await super().run_asgi()

    def data_received(self, data: bytes) -> None:
        self.heard_at = self.loop.time()
        if self._discards:
            self._linger()
        else:
            super().data_received(data)

    def send_receive_event_to_app(self) -> None:
        data, self.frames = b"".join(self.frames), []
        if self.close_sent:
            return
        if self.curr_msg_data_type == "bytes":
            self._deliver(data)
            return
        try:
            text = data.decode()
        except UnicodeDecodeError:
            self.conn.fail(_INVALID_TEXT)
            self.handle_parser_exception()
            return
        self._deliver(text)

    def _deliver(self, data: str | bytes) -> None:
        if self._listener is None:
            self._early.append(data)
            self.stop_reading()
        else:
            self._listener.received(data)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._listener is not None:
            self._listener.writable()

    def handle_close(self, event: Any) -> None:
        super().handle_close(event)
        if self._listener is not None:
            self._listener.closing()

    def handle_parser_exception(self) -> None:
        """The peer broke RFC 6455 or the limit on sizes: say so, then read on only to discard.

        A socket closed with bytes unread is reset, and a reset takes what was written with it: so
        it is closed when the peer has been quiet for a moment.
        """
        sent = self.conn.close_sent
        if sent is not None and sent.code == CloseCode.TOO_LARGE:
            self.write(_TOO_LARGE)
        self._discards = True
        self._end(patience=CLOSE_TIMEOUT)
        self._linger()

    def _linger(self) -> None:
        if self._quiet is not None:
            self._quiet.cancel()
        self._quiet = self.loop.call_later(_QUIET, self.transport.close)

    def keepalive_timeout(self) -> None:
        if self.read_paused:
            # We do not read, so a pong cannot be seen: no proof that the peer is gone.
            self.pong_timer = None
            self.pending_ping_payload = None
            self.schedule_ping()
            return
        self._close(CloseCode.LOST, patience=LOST_TIMEOUT)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._quiet is not None:
            self._quiet.cancel()
        if self._listener is not None:
            self._listener.lost()

    def shutdown(self) -> None:
        """Uvicorn's exit, which comes after our drain: whoever is left is told and cut."""
        self._close(CloseCode.DRAINED, patience=0.0)

    def _close(self, code: CloseCode, *, patience: float) -> None:
        if self.close_sent or self.transport.is_closing():
            return
        if not self.handshake_complete:
            self.transport.close()
            return
        self.conn.send_close(code, CLOSES[code].reason)
        self._end(patience=patience)

    def _end(self, *, patience: float) -> None:
        """Write the close that `conn` holds, and wait for the peer's for `patience` seconds."""
        self.stop_keepalive()
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.read_on()
        self.close_timer = self.loop.call_later(patience, self.transport.abort)
        if self._listener is not None:
            self._listener.closing()


def admitting(by: Admission) -> type[EdgeProtocol]:
    """The protocol of a process that lets in whom `by` does."""

    class AdmittingProtocol(EdgeProtocol):
        admission = by

    return AdmittingProtocol
