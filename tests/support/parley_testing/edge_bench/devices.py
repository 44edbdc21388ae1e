"""Clients of the load: each counts every frame, and takes the time of each that has a stamp."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from itertools import count

import msgspec

from parley_testing.edge_bench.latencies import Latencies, stamped_at
from parley_testing.edge_bench.sockets import Refused, Socket, connect_all

_SESSION = re.compile(rb'"session_id":"([^"]+)"')
_ACK = b'{"type":"ack"'
_ERROR = b'{"type":"error"'
_ATTACH_WITHIN = 30.0
_numbers = count()


class Device(Socket):
    """Speaks the wire protocol, as far as a server that is compared does."""

    def __init__(
        self,
        *,
        user: str,
        device: str,
        latencies: Latencies,
        capabilities: Sequence[str] = ("ack",),
        path: str = "/ws",
        deflates: bool = False,
    ) -> None:
        super().__init__(path=path, deflates=deflates)
        self.user = user
        self.device = device
        self.session = ""
        self.attached: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        """Empty when it follows its session, else why it does not."""
        self.frames = 0
        self.acks = 0
        self.errors: list[str] = []
        self.latencies = latencies
        self.hears_itself = False
        """Its own texts count as deliveries, where the server sends them back."""
        self.on_delivery: Callable[[Device], None] | None = None
        self._capabilities = list(capabilities)

    def greet(self) -> None:
        auth = {"type": "auth", "user_id": self.user, "device_id": self.device}
        self.send(msgspec.json.encode({**auth, "capabilities": self._capabilities}))

    def say(self, content: str) -> None:
        """A text with an id of its own."""
        text = {"type": "text", "content": content, "message_id": f"m{next(_numbers)}"}
        self.send(msgspec.json.encode(text))

    def received(self, data: bytes, start: int, end: int) -> None:
        self.frames += 1
        if not self.attached.done():
            self._answered(data[start:end])
            return
        sent_at = stamped_at(data, start, end)
        if sent_at is not None:
            self.delivered(sent_at)
        elif data.startswith(_ACK, start):
            self.acks += 1
        elif data.startswith(_ERROR, start):
            self.errors.append(data[start:end].decode())

    def delivered(self, sent_at: int) -> None:
        """A frame came that was sent at that moment."""
        self.latencies.add(sent_at)
        if self.on_delivery is not None:
            self.on_delivery(self)

    def lost(self) -> None:
        if not self.attached.done():
            self.attached.set_result(f"closed with {self.close_code}")

    def _answered(self, first: bytes) -> None:
        found = _SESSION.search(first)
        if found is None:
            self.attached.set_result(first.decode())
            return
        self.session = found[1].decode()
        self.attached.set_result("")


async def attach_all(
    devices: Sequence[Device], *, port: int, receive_buffer: int | None = None
) -> None:
    """Connect them, and wait until each has heard that it follows its session. Raises `Refused`."""
    await connect_all(devices, port=port, receive_buffer=receive_buffer)
    async with asyncio.timeout(_ATTACH_WITHIN):
        answers = await asyncio.gather(*(device.attached for device in devices))
    for why in filter(None, answers):
        raise Refused(why)


async def leave_all(devices: Sequence[Device]) -> None:
    """Close them in order, and wait until the server has closed each."""
    for device in devices:
        device.close()
    async with asyncio.timeout(_ATTACH_WITHIN):
        await asyncio.gather(*(device.closed for device in devices))
