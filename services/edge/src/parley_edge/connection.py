"""One client: its phase, the frames it sends, in order, and the way out to it.

Frames are judged when they arrive (`domain.lifecycle`), then carried out one after another by a
task that lives only while there are some. What was read before a client closed is still carried
out; only then the connection departs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Unpack

import structlog

from parley_core.domain import client_frames
from parley_core.domain.client_frames import AnyClientFrame
from parley_core.domain.codes import CloseCode, ErrorCode
from parley_core.domain.ids import ConnectionId, DeviceId, UserId
from parley_core.domain.server_frames import (
    Heartbeat,
    ServerFrame,
    encode,
)
from parley_edge.domain.failing import About, error_frame
from parley_edge.domain.framing import Place
from parley_edge.domain.greeting import health
from parley_edge.domain.lifecycle import FOLLOWING, Meaning, Phase, advance, meaning
from parley_edge.domain.rendering import audience
from parley_edge.edge import Edge
from parley_edge.follower import Follower
from parley_edge.inputs import Inputs, decoded
from parley_edge.leaving import Request, go_on
from parley_edge.outbox import Outbox, Socket
from parley_edge.watching import Watching

log = structlog.get_logger(__name__)

AUTH_TIMEOUT = 10.0
"""Seconds that a client has to say who it is."""


class Connection:
    """A socket's listener, a follower's sink, and what requests act on."""

    __slots__ = (
        "_asked",
        "_carry_out",
        "_inputs",
        "_since",
        "_socket",
        "audience",
        "device",
        "edge",
        "follower",
        "id",
        "is_registered",
        "moving",
        "outbox",
        "phase",
        "user",
        "watching",
    )

    def __init__(
        self,
        socket: Socket,
        *,
        edge: Edge,
        carry_out: Callable[[Connection, AnyClientFrame], Awaitable[None]],
    ) -> None:
        """`carry_out` does what one frame asks; it tells the client of what fails."""
        self.id = ConnectionId(edge.new_id())
        self.edge = edge
        self.phase = Phase.NEW
        self.user = UserId("")
        self.device = DeviceId("")
        self.audience = audience(socket.form, frozenset())
        self.follower: Follower | None = None
        self.watching = Watching(edge.hub)
        self.moving = asyncio.Lock()
        """Held while the connection changes its session."""
        self.is_registered = False
        """The store may know this connection."""
        self._socket = socket
        self._carry_out = carry_out
        self.outbox = Outbox(socket, clock=edge.clock, too_slow=self._too_slow)
        self._since = edge.clock()
        self._inputs = Inputs(socket)
        self._asked: Request | None = None
        edge.roster.add(self)

    # From the socket

    def received(self, data: str | bytes) -> None:
        """Supervisor of one message: nothing that a client sends ends more than its connection."""
        if self.phase is Phase.CLOSING:
            return
        try:
            self._handle(decoded(data, is_first=self.phase is Phase.NEW))
        except client_frames.Malformed as malformed:
            self.fail(malformed.code, malformed.message)
            if malformed.closes:
                self.close(CloseCode.PROTOCOL_VIOLATION)
        except Exception:
            log.exception("a message was not understood", size=len(data))
            self.fail(ErrorCode.INTERNAL, "Something went wrong here.")
            self.close(CloseCode.PROTOCOL_VIOLATION)

    def _handle(self, frame: AnyClientFrame) -> None:
        match meaning(self.phase, frame):
            case Meaning.OPEN:
                self.phase = advance(self.phase, Phase.OPENING)
                self._queue(frame)
            case Meaning.QUEUE:
                self._queue(frame)
            case Meaning.HEARTBEAT:
                self.send(Heartbeat(server_time=self.edge.now()))
            case Meaning.HEALTH:
                self.send(health(self.edge.server, now=self.edge.now()))
            case Meaning.SECOND_AUTH:
                self.fail(ErrorCode.INVALID_MESSAGE, "This connection is authenticated already.")
            case Meaning.TOO_EARLY:
                self.fail(ErrorCode.UNAUTHENTICATED, "The first frame must be auth.")
                self.close(CloseCode.PROTOCOL_VIOLATION)

    def choked(self) -> None:
        self.outbox.choke()
        if self.follower is not None:
            self.follower.step_out()

    def writable(self) -> None:
        self.outbox.flush()

    def closing(self) -> None:
        """Nothing more can be sent or read; live frames are not wanted any more."""
        if self.phase is Phase.CLOSING:
            return
        self.phase = advance(self.phase, Phase.CLOSING)
        self.outbox.give_up()
        if self.follower is not None:
            self.follower.end()
        self.watching.end(watcher=self)

    def lost(self) -> None:
        self.closing()
        self.edge.roster.remove(self)
        if not self._inputs.is_busy:
            self._depart()

    # To the client

    @property
    def is_plain(self) -> bool:
        return self.audience.is_plain

    @property
    def is_idle(self) -> bool:
        """Between an answer and the next text."""
        unanswered = self.follower and self.follower.reader.standing.unanswered
        return not (self._inputs.is_busy or unanswered)

    @property
    def asked(self) -> Request | None:
        """What it was asked and could not do at once."""
        return self._asked

    @asked.setter
    def asked(self, request: Request | None) -> None:
        self._asked = request
        if self.follower is not None:
            self.follower.refocus()
            if request is not None:
                self.follower.recount()

    @property
    def is_leaving(self) -> bool:
        return self._asked is not None

    @property
    def is_closing(self) -> bool:
        return self.phase is Phase.CLOSING

    def send(self, frame: ServerFrame) -> None:
        """Send now. A client that does not read is too slow for these as for live frames."""
        self.outbox.write(self.audience.form.write(encode(frame)))

    def replay(self, frame: ServerFrame, *, place: Place | None = None) -> None:
        """Send what may be large and was asked for: the socket paces it, see `drained`.

        `place`: where the client is then, if this moves it.
        """
        self.outbox.replay(self.audience.form.write(encode(frame), place=place))

    def _too_slow(self) -> None:
        self.close(CloseCode.TOO_SLOW)

    def fail(self, code: ErrorCode, message: str, **about: Unpack[About]) -> None:
        """Send an error; the connection goes on."""
        self.send(error_frame(code, message, about))

    def close(self, code: CloseCode) -> None:
        if self.phase is not Phase.CLOSING:
            self.outbox.close(code)
            self.closing()

    async def drained(self) -> None:
        """Returns when the socket has taken what was sent."""
        await self.outbox.drained()

    # From the follower

    def moved(self, *, behind: bool) -> None:
        to = Phase.REPLAYING if behind else Phase.LIVE
        if self.phase is not to and self.phase in FOLLOWING:
            self.phase = advance(self.phase, to)
        go_on(self)

    def put_out(self) -> None:
        self.fail(ErrorCode.FORBIDDEN, "You are not in this session any more.")
        self.close(CloseCode.FORBIDDEN)

    def broken(self) -> None:
        self.close(CloseCode.LOST)

    def told(self, body: bytes) -> None:
        """Of the presence of somebody whom the client watches."""
        if not self.watching.keeps(body):
            self.outbox.write(self.audience.form.write(body))

    # Its session

    def start_over(self) -> None:
        """The session was refused: whoever is at the other end may say again who it is."""
        self.phase = advance(self.phase, Phase.NEW)
        self.edge.roster.forget(self.user)
        self.user = UserId("")
        self.is_registered = False
        self._since = self.edge.clock()

    def follow(self, follower: Follower) -> None:
        """From now on this is the connection's session."""
        if self.follower is not None:
            self.follower.end()
            # Whom one may see depends on the session.
            self.unwatch(self.watched - {self.user})
        self.follower = follower
        if self.phase is Phase.CLOSING:
            follower.end()
        else:
            self.phase = advance(self.phase, Phase.REPLAYING)

    async def watch(self, users: Iterable[UserId]) -> None:
        """Tell the client of changes of these users' presence until it closes or leaves them."""
        await self.watching.add(users, watcher=self)

    def unwatch(self, users: Iterable[UserId]) -> None:
        self.watching.remove(users, watcher=self)

    @property
    def watched(self) -> frozenset[UserId]:
        return self.watching.users

    # Carrying out

    def _queue(self, frame: AnyClientFrame) -> None:
        if self._inputs.add(frame):
            self.edge.tasks.spawn(self._carry_out_all(), name="carry out")

    async def _carry_out_all(self) -> None:
        try:
            while (frame := self._inputs.next()) is not None:
                await self._carry_out(self, frame)
        finally:
            self._inputs.finished()
            if not self.edge.roster.has(self.id):
                self._depart()
        go_on(self)

    def _depart(self) -> None:
        if self.is_registered:
            self.edge.departures.add(self.id, user=self.user)
        self.edge.roster.finished(self, user=self.user or None)
        self.follower = None  # Which knows this connection: nothing waits for the collector.

    # Once a second

    def check(self) -> None:
        """What only time brings: a client that does not say who it is, is silent, or too slow."""
        now = self.edge.clock()
        if self.phase is Phase.NEW and now - self._since > AUTH_TIMEOUT:
            self.fail(ErrorCode.UNAUTHENTICATED, "No auth came in time.")
            self.close(CloseCode.UNAUTHENTICATED)
        elif now - self._socket.heard_at > self.edge.silence_limit:
            self.close(CloseCode.LOST)
        elif self.outbox.is_too_slow:
            self.close(CloseCode.TOO_SLOW)
        else:
            self._socket.check(now)
