"""One WebSocket: authenticated, then frames in and out, then gone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit, urlunsplit

import msgspec
from msgspec import UNSET, UnsetType
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.typing import Subprotocol

from parley.domain.events import Received, decode
from parley.domain.retrying import outcome_of
from parley.errors import Lost, Refused
from parley_core.domain import client_frames
from parley_core.domain import server_frames as wire
from parley_core.domain.backoff import LONGEST

OPENING = 10.0
"""Seconds to connect, authenticate and be attached; the server allows no more."""
CLOSING = 2.0
"""Seconds for the closing handshake; then the socket is dropped."""
PING_EVERY = 10.0
"""Seconds between pings of ours: they find a half-open socket before the user does."""
PONG_WITHIN = 8.0
LARGEST = 32 * 1024 * 1024
"""Bytes of one frame: a page of 100 answers at their largest is below it."""
PROTOCOL = Subprotocol("parley.v1")
RESUMES = "resume=1"
"""In the query: what the server can know of `auth` before there is a WebSocket."""

_encoder = msgspec.json.Encoder()


class Way(StrEnum):
    """Where a wire event went."""

    SENT = "sent"
    RECEIVED = "received"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class WireEvent:
    """One thing that happened on a socket. `data`: the frame, or why the connection closed."""

    connection: int
    way: Way
    data: bytes


Observer = Callable[[WireEvent], None]
"""Sees everything that goes over the sockets of a session, in order. Must not block or raise."""


class Connection:
    """An attached WebSocket. Whoever opened it closes it."""

    def __init__(self, socket: ClientConnection, *, number: int, observer: Observer | None) -> None:
        self.number = number
        self.system = wire.System()
        self._socket = socket
        self._observer = observer
        self._heartbeat: asyncio.Task[None] | None = None
        self._is_closed = False

    async def send(self, frame: client_frames.ClientFrame) -> None:
        """Returns when the frame is in the socket's buffer. Raises `Lost`."""
        data = _encoder.encode(frame)
        self._observe(Way.SENT, data)
        try:
            await self._socket.send(data, text=True)
        except ConnectionClosed as closed:
            raise _lost(closed) from closed

    async def receive(self) -> Received:
        """The next frame. Raises `Lost` when there will be no other."""
        try:
            data = await self._socket.recv(decode=False)
        except ConnectionClosed as closed:
            raise _lost(closed) from closed
        self._observe(Way.RECEIVED, data)
        try:
            return decode(data)
        except msgspec.DecodeError as error:
            raise Lost(f"the server sent what is no frame: {error}") from error

    async def close(self) -> None:
        """Closes in order, or drops the socket when the server does not answer. Idempotent."""
        await self._stop_heartbeat()
        await self._socket.close()
        if not self._is_closed:
            self._is_closed = True
            self._observe(Way.CLOSED, str(self._socket.close_code).encode())

    def drop(self) -> None:
        """Cut the socket without a word, as a lost network would."""
        self._socket.transport.abort()

    async def ping(self) -> float:
        """Seconds of a round trip. Raises `Lost`."""
        try:
            async with asyncio.timeout(PONG_WITHIN):
                return await (await self._socket.ping())
        except ConnectionClosed as closed:
            raise _lost(closed) from closed
        except TimeoutError as late:
            raise Lost("no pong came") from late

    async def authenticate(self, auth: client_frames.Auth) -> None:
        """Send the first frame and wait for its `system`. Raises `Lost` or `Refused`.

        While the storage is away the server says so and goes on trying, and so does this.
        """
        await self.send(auth)
        frame = await self.receive()
        while isinstance(frame, wire.Error):
            outcome = outcome_of(frame)
            if isinstance(outcome, Refused):
                raise outcome
            frame = await self.receive()
        if not isinstance(frame, wire.System):
            raise Lost("the server did not begin with system")
        self.system = frame
        self._start_heartbeat(frame.heartbeat_interval_ms)

    def _start_heartbeat(self, interval_ms: int | UnsetType) -> None:
        if interval_ms is not UNSET:
            self._heartbeat = asyncio.create_task(self._beat(interval_ms / 1000))

    async def _stop_heartbeat(self) -> None:
        if self._heartbeat is not None:
            self._heartbeat.cancel()
            await asyncio.gather(self._heartbeat, return_exceptions=True)

    async def _beat(self, interval: float) -> None:
        while True:
            await asyncio.sleep(interval)
            try:
                await self.send(client_frames.Heartbeat())
            except Lost:
                return

    def _observe(self, way: Way, data: bytes) -> None:
        if self._observer is not None:
            self._observer(WireEvent(self.number, way, data))


async def open_connection(
    url: str,
    *,
    auth: client_frames.Auth,
    number: int,
    observer: Observer | None = None,
    attaching: Callable[[], None] = lambda: None,
) -> Connection:
    """A connection that has been attached: `system` holds the server's first frame.

    `attaching` is called when only the attach is left. Raises `Lost` when that did not succeed
    within 10 s, `Refused` when it never will.
    """
    try:
        async with asyncio.timeout(OPENING):
            socket = await connect(
                address(url, resumes=auth.resume is not None),
                subprotocols=[PROTOCOL],
                compression=None,
                max_size=LARGEST,
                ping_interval=PING_EVERY,
                ping_timeout=PONG_WITHIN,
                close_timeout=CLOSING,
                open_timeout=None,
            )
            attaching()
            return await _attach(Connection(socket, number=number, observer=observer), auth)
    except TimeoutError as late:
        raise Lost(f"{url} did not answer within {OPENING:g} s") from late
    except InvalidStatus as refused:
        raise Lost(f"{url} is busy: {refused}", delay=_retry_after(refused)) from refused
    except (OSError, WebSocketException) as error:
        raise Lost(f"{url} cannot be reached: {error}") from error


def address(url: str, *, resumes: bool) -> str:
    """`url`, which says whether this client comes back: a server in a storm takes those first."""
    if not resumes:
        return url
    parts = urlsplit(url)
    query = f"{parts.query}&{RESUMES}" if parts.query else RESUMES
    return urlunsplit(parts._replace(query=query, path=parts.path or "/"))


def _retry_after(refused: InvalidStatus) -> float:
    """The seconds that the server asks for, at most `LONGEST`; 0.0 if it does not say."""
    asked = refused.response.headers.get("Retry-After", "")
    return min(LONGEST, float(asked)) if asked.isascii() and asked.isdigit() else 0.0


async def _attach(connection: Connection, auth: client_frames.Auth) -> Connection:
    attached = False
    try:
        await connection.authenticate(auth)
        attached = True
    finally:
        if not attached:
            connection.drop()
            await connection.close()
    return connection


def _lost(closed: ConnectionClosed) -> Lost:
    if closed.rcvd is None:
        return Lost("the connection was lost")
    return Lost(closed.rcvd.reason or f"closed with {closed.rcvd.code}", code=closed.rcvd.code)
