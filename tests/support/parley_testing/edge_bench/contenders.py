"""The servers that are compared, each a process of its own with a Redis of its own."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import redis.asyncio as redis

from parley_local.mortality import end_with_parent
from parley_local.redis_server import RedisServer, find
from parley_testing.edge_bench import cores
from parley_testing.edge_bench.devices import Device
from parley_testing.edge_bench.frames import plain
from parley_testing.edge_bench.latencies import Latencies
from parley_testing.edge_bench.publishing import SessionPublisher, wire_text
from parley_testing.ports import free_port
from parley_testing.processes import ServiceProcess

EDGE = "edge"
PLAIN = "plain Starlette"
FLOOR = "ready frames"
_IN_MEMORY = ("--save", "", "--appendonly", "no")
_READY_WITHIN = 10.0
UNLIMITED = {
    "MAX_CONNECTIONS_PER_USER": "10000",
    "RATE_TEXT": "1000000",
    "RATE_TEXT_BURST": "1000000",
}
"""What a load of one user, or of a few who never pause, needs beside the defaults."""


class Contender(Protocol):
    """A server that runs."""

    name: str
    port: int
    pid: int
    redis_url: str

    def device(self, user: str, device: str, latencies: Latencies) -> Device:
        """A client that is not connected yet."""
        ...

    def publish(self, to: Device, content: str) -> None:
        """An event into a device's session, from outside of the server."""
        ...

    async def clear_mail(self, of: Sequence[Device]) -> None:
        """No agent runs: take off what waits for one."""
        ...


@asynccontextmanager
async def own_redis() -> AsyncIterator[RedisServer]:
    """An empty one, in memory alone, where it does not disturb a server under test."""
    with tempfile.TemporaryDirectory(prefix="parley-bench-") as folder:
        server = RedisServer(find(), port=free_port(), folder=Path(folder), options=_IN_MEMORY)
        server.start()
        try:
            await server.wait_ready()
            cores.for_load([server.pid])
            yield server
        finally:
            server.stop()


class EdgeServer:
    """The edge service, one process."""

    name = EDGE

    def __init__(
        self, process: ServiceProcess, publisher: SessionPublisher, *, port: int, redis_url: str
    ) -> None:
        self.process = process
        self.port = port
        self.pid = process.pid
        self.redis_url = redis_url
        self._publisher = publisher

    def device(self, user: str, device: str, latencies: Latencies) -> Device:
        return Device(user=user, device=device, latencies=latencies)

    def publish(self, to: Device, content: str) -> None:
        self._publisher.publish(to, content)

    async def clear_mail(self, of: Sequence[Device]) -> None:
        await self._publisher.clear_mail(of)


@asynccontextmanager
async def edge(env: Mapping[str, str]) -> AsyncIterator[EdgeServer]:
    """One edge with its Redis; `env` beside what `make up` sets."""
    async with own_redis() as server, SessionPublisher(server.url) as publisher:
        port = free_port()
        process = edge_process("edge-1", port=port, redis_url=server.url, env=env)
        async with process:
            cores.for_server(process.pid)
            yield EdgeServer(process, publisher, port=port, redis_url=server.url)


def edge_process(
    name: str, *, port: int, redis_url: str, env: Mapping[str, str] | None = None
) -> ServiceProcess:
    """As `make up` starts one."""
    settings = {"SERVER_ID": name, "WEBSOCKET_PORT": str(port), "REDIS_URL": redis_url}
    return ServiceProcess("parley_edge", admin_port=free_port(), env=settings | dict(env or {}))


class PlainServer:
    """Starlette on uvicorn, as one would write it."""

    name = PLAIN

    def __init__(self, process: Any, *, port: int, redis_url: str) -> None:
        self.port = port
        self.pid: int = process.pid
        self.redis_url = redis_url
        self._redis = redis.from_url(redis_url)
        self._publishing: set[asyncio.Task[Any]] = set()

    def device(self, user: str, device: str, latencies: Latencies) -> Device:
        return Device(user=user, device=device, latencies=latencies)

    def publish(self, to: Device, content: str) -> None:
        text = wire_text(content, session=to.session)
        task = asyncio.ensure_future(self._redis.publish(to.session, text))
        self._publishing.add(task)
        task.add_done_callback(self._publishing.discard)

    async def clear_mail(self, of: Sequence[Device]) -> None:
        """There is none."""

    async def aclose(self) -> None:
        await self._redis.aclose()


@asynccontextmanager
async def plain_starlette() -> AsyncIterator[PlainServer]:
    """One process of it with its Redis."""
    async with own_redis() as server:
        port = free_port()
        with _running("plain_server", str(port), server.url) as process:
            await _listening(port)
            cores.for_server(process.pid)
            contender = PlainServer(process, port=port, redis_url=server.url)
            try:
                yield contender
            finally:
                await contender.aclose()


class FloorServer:
    """Ready frames and nothing else."""

    name = FLOOR
    redis_url = ""

    def __init__(self, process: Any, control: asyncio.StreamWriter, *, port: int) -> None:
        self.port = port
        self.pid: int = process.pid
        self._control = control

    def device(self, user: str, device: str, latencies: Latencies) -> Device:
        return Device(user=user, device=device, latencies=latencies)

    def publish(self, to: Device, content: str) -> None:  # noqa: ARG002  # all get everything
        overhead = len(wire_text("", session=""))
        self._control.write(plain(wire_text(content[:-overhead], session="")))

    async def clear_mail(self, of: Sequence[Device]) -> None:
        """There is none."""


@asynccontextmanager
async def ready_frames() -> AsyncIterator[FloorServer]:
    """One process of it."""
    port, control_port = free_port(), free_port()
    with _running("floor_server", str(port), str(control_port)) as process:
        await _listening(port)
        cores.for_server(process.pid)
        _, control = await asyncio.open_connection("127.0.0.1", control_port)
        try:
            yield FloorServer(process, control, port=port)
        finally:
            control.close()


class _running:  # noqa: N801  # a context manager, used as a function
    """A module of this package as a process."""

    def __init__(self, module: str, *args: str) -> None:
        self._command = [sys.executable, "-m", f"{__package__}.{module}", *args]

    def __enter__(self) -> subprocess.Popen[bytes]:
        self._process = subprocess.Popen(
            self._command,
            stderr=subprocess.DEVNULL,
            preexec_fn=end_with_parent,  # noqa: PLW1509  # one system call, no lock
        )
        return self._process

    def __exit__(self, *exc: object) -> None:
        self._process.kill()
        self._process.wait(_READY_WITHIN)


async def _listening(port: int) -> None:
    async with asyncio.timeout(_READY_WITHIN):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return
