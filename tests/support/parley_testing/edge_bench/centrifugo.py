"""Centrifugo, where its binary is on PATH: Redis engine, history and recovery on, JSON protocol."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import count

from parley_testing.edge_bench import cores
from parley_testing.edge_bench.contender import CENTRIFUGO, Missing, listening, own_redis, running
from parley_testing.edge_bench.devices import Device
from parley_testing.edge_bench.latencies import Latencies, stamped_at
from parley_testing.ports import free_port

_SETTINGS = {
    "CENTRIFUGO_ENGINE_TYPE": "redis",
    "CENTRIFUGO_CHANNEL_WITHOUT_NAMESPACE_HISTORY_SIZE": "1000",
    "CENTRIFUGO_CHANNEL_WITHOUT_NAMESPACE_HISTORY_TTL": "300s",
    "CENTRIFUGO_CHANNEL_WITHOUT_NAMESPACE_FORCE_RECOVERY": "true",
    "CENTRIFUGO_CLIENT_INSECURE": "true",
    "CENTRIFUGO_HTTP_SERVER_ADDRESS": "127.0.0.1",
    "CENTRIFUGO_LOG_LEVEL": "error",
}
_SUBSCRIBE = 2
_PATH = "/connection/websocket"


class CentrifugoDevice(Device):
    """Subscribed to one channel, that of its user; commands and replies are lines of JSON."""

    def __init__(self, *, user: str, device: str, latencies: Latencies) -> None:
        super().__init__(user=user, device=device, latencies=latencies, path=_PATH)
        self._ids = count(_SUBSCRIBE + 1)
        self._own = f'"device":"{device}"'.encode()

    def greet(self) -> None:
        self._command({"id": 1, "connect": {}})
        subscribe = {"channel": self.user, "recoverable": True, "positioned": True}
        self._command({"id": _SUBSCRIBE, "subscribe": subscribe})

    def say(self, content: str) -> None:
        data = {"content": content, "device": self.device}
        self._command({"id": next(self._ids), "publish": {"channel": self.user, "data": data}})

    def received(self, data: bytes, start: int, end: int) -> None:
        while start < end:
            line_end = data.find(b"\n", start, end)
            line_end = end if line_end < 0 else line_end
            self._line(data, start, line_end)
            start = line_end + 1

    def _line(self, data: bytes, start: int, end: int) -> None:
        self.frames += 1
        sent_at = stamped_at(data, start, end)
        if sent_at is not None:
            # Whoever publishes gets it too, when it subscribes.
            if self.hears_itself or data.find(self._own, start, end) < 0:
                self.delivered(sent_at)
        elif end - start == len(b"{}"):
            self._command({})
        else:
            self._reply(json.loads(data[start:end]))

    def _reply(self, reply: dict[str, object]) -> None:
        if "error" in reply:
            self.errors.append(json.dumps(reply))
        elif reply.get("id") == _SUBSCRIBE and not self.attached.done():
            self.session = self.user
            self.attached.set_result("")
        elif "publish" in reply:
            self.acks += 1

    def _command(self, command: dict[str, object]) -> None:
        self.send(json.dumps(command, separators=(",", ":")).encode())


class CentrifugoServer:
    """One process."""

    name = CENTRIFUGO

    def __init__(self, pid: int, *, port: int, redis_url: str) -> None:
        self.pid = pid
        self.port = port
        self.redis_url = redis_url

    def device(self, user: str, device: str, latencies: Latencies) -> Device:
        return CentrifugoDevice(user=user, device=device, latencies=latencies)

    def publish(self, to: Device, content: str) -> None:
        """By a subscriber, who gets it as well."""
        to.hears_itself = True
        to.say(content)

    async def hush(self, of: Sequence[Device]) -> None:
        """There is no agent."""


@asynccontextmanager
async def centrifugo(_env: Mapping[str, str]) -> AsyncIterator[CentrifugoServer]:
    """Raises `Missing`."""
    program = shutil.which("centrifugo")
    if program is None:
        raise Missing("centrifugo is not on PATH")
    async with own_redis() as redis:
        port = free_port()
        address = {
            "CENTRIFUGO_ENGINE_REDIS_ADDRESS": redis.url,
            "CENTRIFUGO_HTTP_SERVER_PORT": str(port),
        }
        with running(program, env=_SETTINGS | address) as process:
            await listening(port)
            cores.for_server(process.pid)
            yield CentrifugoServer(process.pid, port=port, redis_url=redis.url)
