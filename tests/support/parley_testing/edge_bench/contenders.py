"""All servers that are compared; here, what one would write without ours, and the least."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager
from typing import Any

import redis.asyncio as redis

from parley_testing.edge_bench import cores
from parley_testing.edge_bench.centrifugo import centrifugo
from parley_testing.edge_bench.contender import (
    CENTRIFUGO,
    EDGE,
    FLOOR,
    PLAIN,
    Contender,
    Missing,
    listening,
    own_redis,
    running,
)
from parley_testing.edge_bench.devices import Device
from parley_testing.edge_bench.edge_server import edge
from parley_testing.edge_bench.figures import Report
from parley_testing.edge_bench.frames import plain
from parley_testing.edge_bench.latencies import Latencies
from parley_testing.edge_bench.publishing import wire_text
from parley_testing.ports import free_port


class PlainServer:
    """Starlette on uvicorn, as one would write it."""

    name = PLAIN

    def __init__(self, pid: int, *, port: int, redis_url: str) -> None:
        self.port = port
        self.pid = pid
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

    async def hush(self, of: Sequence[Device]) -> None:
        """There is no agent."""

    async def aclose(self) -> None:
        await self._redis.aclose()


@asynccontextmanager
async def plain_starlette(_env: Mapping[str, str]) -> AsyncIterator[PlainServer]:
    """It has no settings."""
    async with own_redis() as server:
        port = free_port()
        with _module("plain_server", str(port), server.url) as process:
            await listening(port)
            cores.for_server(process.pid)
            contender = PlainServer(process.pid, port=port, redis_url=server.url)
            try:
                yield contender
            finally:
                await contender.aclose()


class FloorServer:
    """Ready frames and nothing else: no parsing, no sessions, no Redis."""

    name = FLOOR
    redis_url = ""

    def __init__(self, pid: int, control: asyncio.StreamWriter, *, port: int) -> None:
        self.port = port
        self.pid = pid
        self._control = control

    def device(self, user: str, device: str, latencies: Latencies) -> Device:
        return Device(user=user, device=device, latencies=latencies)

    def publish(self, to: Device, content: str) -> None:
        """To everybody; the whole frame has the size that the content of others has."""
        overhead = len(wire_text("", session=to.session))
        self._control.write(plain(wire_text(content[:-overhead], session=to.session)))

    async def hush(self, of: Sequence[Device]) -> None:
        """There is no agent."""


@asynccontextmanager
async def ready_frames(_env: Mapping[str, str]) -> AsyncIterator[FloorServer]:
    """It has no settings."""
    port, control_port = free_port(), free_port()
    with _module("floor_server", str(port), str(control_port)) as process:
        await listening(port)
        cores.for_server(process.pid)
        _, control = await asyncio.open_connection("127.0.0.1", control_port)
        try:
            yield FloorServer(process.pid, control, port=port)
        finally:
            control.close()


def _module(name: str, *args: str) -> AbstractContextManager[subprocess.Popen[bytes]]:
    return running(sys.executable, "-m", f"{__package__}.{name}", *args)


LINEUP: Mapping[str, Callable[[Mapping[str, str]], AbstractAsyncContextManager[Contender]]] = {
    EDGE: edge,
    PLAIN: plain_starlette,
    CENTRIFUGO: centrifugo,
    FLOOR: ready_frames,
}


async def compared(
    names: Sequence[str], *, env: Mapping[str, str], report: Report
) -> AsyncIterator[Contender]:
    """Each of these while it runs, one after the other; one that is not there is noted."""
    for name in names:
        try:
            async with LINEUP[name](env) as contender:
                yield contender
        except Missing as missing:
            report.notes.append(str(missing))
