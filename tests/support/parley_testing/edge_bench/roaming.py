"""Clients that lose their connections, and come back with their position as an SDK does.

What a client sees is judged where it is seen: every log frame must be the next one of its
connection, which begins at the position that the client resumed from.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import count

import msgspec

from parley_core.domain.backoff import backoff
from parley_testing.edge_bench.latencies import Latencies, content, moment
from parley_testing.edge_bench.sockets import Refused, Socket, connect

_numbers = count()


class _Frame(msgspec.Struct):
    """What any frame of the server may have, and this client looks at."""

    type: str
    session_id: str = ""
    epoch: str = ""
    seq: int | None = None
    id: str = ""
    message_id: str = ""
    recovered: bool = False
    content: str = ""
    code: str = ""
    within_ms: int = 0


_decoder = msgspec.json.Decoder(_Frame)


@dataclass(slots=True)
class Seen:
    """What all clients of a run saw together. Moments are those of `time.monotonic`."""

    latencies: Latencies = field(default_factory=Latencies)
    wrong: Counter[str] = field(default_factory=Counter)
    """What must not happen, and how often it did."""
    resumed: list[float] = field(default_factory=list)
    """When connections were taken up again."""
    longest_gap: float = 0.0
    """Seconds that a client had no connection, at most."""
    said: dict[str, set[str]] = field(default_factory=dict)
    """Message ids, by session."""


class Line(Socket):
    """One connection of a roamer."""

    def __init__(self, roamer: Roamer) -> None:
        super().__init__()
        self.is_attached = False
        self.answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when it is attached, or will not be."""
        self._roamer = roamer
        self._seq = roamer.seq

    def greet(self) -> None:
        self._seq = self._roamer.seq
        self.send(self._roamer.auth())

    def received(self, data: bytes, start: int, end: int) -> None:
        frame = _decoder.decode(data[start:end])
        if not self.is_attached:
            self._greeted(frame)
        elif frame.type == "reconnect":
            self._roamer.asked_to_move(within=frame.within_ms / 1000)
        elif frame.seq is not None and frame.message_id:
            self._placed(frame, frame.seq)
        elif frame.type == "error":
            self._roamer.refused(frame.code, frame.message_id)

    def lost(self) -> None:
        if not self.answered.done():
            self.answered.set_result(None)
        self._roamer.lost(self)

    def _greeted(self, frame: _Frame) -> None:
        if frame.type != "system" or frame.seq is None:
            self._roamer.seen.wrong[f"not attached: {frame.code or frame.type}"] += 1
            self.abort()
            return
        self.is_attached = True
        if not self._roamer.epoch:
            self._seq = frame.seq
        self._roamer.attached(self, frame)
        self.answered.set_result(None)

    def _placed(self, frame: _Frame, seq: int) -> None:
        if seq == self._seq + 1:
            self._seq = seq
        elif seq > self._seq:
            self._roamer.seen.wrong["a hole"] += 1
            self._seq = seq
        elif frame.type != "ack":  # one of a text that was sent again is no event
            self._roamer.seen.wrong["doubled"] += 1
        self._roamer.placed(seq, frame.message_id, frame.content)


class Roamer:
    """One device, through all its connections."""

    def __init__(self, user: str, device: str, *, port: int, seen: Seen) -> None:
        self.user = user
        self.device = device
        self.seen = seen
        self.session = ""
        self.epoch = ""
        self.seq = 0
        self.attachments = 0
        self._id = ""
        self._port = port
        self._line: Line | None = None
        self._next: Line | None = None
        self._unacknowledged: dict[str, bytes] = {}
        self._without_since: float | None = None
        self._is_leaving = False
        self._moving: asyncio.Task[None] | None = None
        self._repeating: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Returns when it is connected; what follows it sees to by itself."""
        await self._connect()

    def leave(self) -> None:
        """For good."""
        self._is_leaving = True
        for task in (self._moving, *self._repeating):
            if task is not None:
                task.cancel()
        for line in (self._line, self._next):
            if line is not None:
                line.abort()

    @property
    def is_settled(self) -> bool:
        """Connected once, with nothing under way."""
        return self._line is not None and self._next is None and not self._unacknowledged

    def say(self, size: int) -> None:
        name = f"r{next(_numbers)}"
        text = {"type": "text", "message_id": name, "content": content(size)}
        payload = msgspec.json.encode(text)
        self.seen.said.setdefault(self.session, set()).add(name)
        self._unacknowledged[name] = payload
        if self._line is not None:
            self._line.send(payload)

    # What its connections tell

    def auth(self) -> bytes:
        auth: dict[str, object] = {
            "type": "auth",
            "user_id": self.user,
            "device_id": self.device,
            "capabilities": ["ack"],
        }
        if self.epoch:
            resume = {"epoch": self.epoch, "seq": self.seq} | ({"id": self._id} if self._id else {})
            auth |= {"session_id": self.session, "resume": resume}
        return msgspec.json.encode(auth)

    def attached(self, line: Line, system: _Frame) -> None:
        if not self.epoch:
            self.session, self.epoch = system.session_id, system.epoch
            self.seq, self._id = system.seq or 0, system.id
        elif not system.recovered or system.epoch != self.epoch:
            self.seen.wrong["not recovered"] += 1
        self._take_over(line)
        for payload in self._unacknowledged.values():
            line.send(payload)

    def _take_over(self, line: Line) -> None:
        old, self._line, self._next = self._line, line, None
        self.attachments += 1
        if self.attachments > 1:
            self.seen.resumed.append(time.monotonic())
        if self._without_since is not None:
            gap = time.monotonic() - self._without_since
            self.seen.longest_gap = max(self.seen.longest_gap, gap)
            self._without_since = None
        if old is not None:
            old.close()

    def placed(self, seq: int, id_: str, content: str) -> None:
        self._unacknowledged.pop(id_, None)
        if seq <= self.seq:
            return  # the other connection had it
        self.seq, self._id = seq, id_
        if content:
            self.seen.latencies.add(moment(content))

    def refused(self, code: str, message_id: str) -> None:
        payload = self._unacknowledged.get(message_id)
        if code == "UNAVAILABLE" and payload is not None:
            task = asyncio.ensure_future(self._say_again(message_id))
            self._repeating.add(task)
            task.add_done_callback(self._repeating.discard)
        else:
            self.seen.wrong[f"error {code}"] += 1

    def asked_to_move(self, *, within: float) -> None:
        if self._moving is None or self._moving.done():
            self._moving = asyncio.ensure_future(self._reconnect(after=random.uniform(0, within)))

    def lost(self, line: Line) -> None:
        if line is self._line:
            self._line = None
            self._without_since = time.monotonic()
            if self._next is None and not self._is_leaving:
                if self._moving is not None:
                    self._moving.cancel()
                self._moving = asyncio.ensure_future(self._reconnect(after=0.0))
        elif line is self._next:
            self._next = None

    # Its own affairs

    async def _say_again(self, message_id: str) -> None:
        await asyncio.sleep(1.0)
        payload = self._unacknowledged.get(message_id)
        if payload is not None and self._line is not None:
            self._line.send(payload)

    async def _reconnect(self, *, after: float) -> None:
        await asyncio.sleep(after)
        failures = 0
        while not await self._connected():
            failures += 1
            await asyncio.sleep(backoff(failures, roll=random.random()))

    async def _connected(self) -> bool:
        try:
            await self._connect()
        except (Refused, OSError):
            return False
        return True

    async def _connect(self) -> None:
        """Raises `Refused`, OSError."""
        self._next = line = Line(self)
        try:
            await connect(line, port=self._port)
        except (Refused, OSError):
            self._next = None
            raise
        await line.answered
        if not line.is_attached:
            raise Refused(f"closed with {line.close_code}")
