"""What a server that is compared must be able to do, and how one is started."""

from __future__ import annotations

import asyncio
import os
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Protocol

from parley_local.mortality import end_with_parent
from parley_local.redis_server import RedisServer, find
from parley_testing.edge_bench import cores
from parley_testing.edge_bench.devices import Device
from parley_testing.edge_bench.latencies import Latencies
from parley_testing.ports import free_port

EDGE = "edge"
PLAIN = "plain Starlette"
FLOOR = "ready frames"
CENTRIFUGO = "centrifugo"

_IN_MEMORY = ("--save", "", "--appendonly", "no")
_READY_WITHIN = 10.0


class Missing(Exception):
    """This machine does not have the server."""


class Contender(Protocol):
    """A server that runs: one process, with a Redis of its own."""

    name: str
    port: int
    pid: int
    redis_url: str

    def device(self, user: str, device: str, latencies: Latencies) -> Device:
        """A client that is not connected yet."""
        ...

    def publish(self, to: Device, content: str) -> None:
        """An event into a device's session, from outside of the server where it has an outside."""
        ...

    async def hush(self, of: Sequence[Device]) -> None:
        """The agent is not asked in the sessions of these, which are connected."""
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


@contextmanager
def running(
    *command: str, env: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A process that says nothing, and ends with this."""
    process = subprocess.Popen(
        command,
        env={**os.environ, **(env or {})},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=end_with_parent,  # noqa: PLW1509  # one system call, no lock
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait(_READY_WITHIN)


async def listening(port: int) -> None:
    """Until somebody does. Raises TimeoutError."""
    async with asyncio.timeout(_READY_WITHIN):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return
