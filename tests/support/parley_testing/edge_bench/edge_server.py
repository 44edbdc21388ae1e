"""The edge service as a server that is compared."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import httpx

from parley_local.redis_server import RedisServer
from parley_testing.edge_bench import cores
from parley_testing.edge_bench.contender import EDGE, own_redis
from parley_testing.edge_bench.devices import Device
from parley_testing.edge_bench.latencies import Latencies
from parley_testing.edge_bench.publishing import SessionPublisher
from parley_testing.ports import free_port
from parley_testing.processes import ServiceProcess

_ANSWER_WITHIN = 30.0
"""Seconds: it may have much to do, and the answer is part of no figure."""
CONNECTIONS = "parley_edge_connections"
UNLIMITED = {
    "MAX_CONNECTIONS_PER_USER": "10000",
    "RATE_TEXT": "1000000",
    "RATE_TEXT_BURST": "1000000",
}
"""Settings that a load of one user, or of a few who never pause, needs beside the defaults."""


class EdgeServer:
    """The edge service."""

    name = EDGE

    def __init__(
        self, process: ServiceProcess, publisher: SessionPublisher, *, port: int, redis: RedisServer
    ) -> None:
        self.process = process
        self.port = port
        self.pid = process.pid
        self.redis_url = redis.url
        self.redis_pid = redis.pid
        self._publisher = publisher

    def device(self, user: str, device: str, latencies: Latencies) -> Device:
        return Device(user=user, device=device, latencies=latencies)

    def publish(self, to: Device, content: str) -> None:
        self._publisher.publish(to, content)

    async def gauge(self, name: str) -> int:
        """What the process counts under that name. Raises ValueError if it does not."""
        async with httpx.AsyncClient(timeout=_ANSWER_WITHIN) as http:
            metrics = (await http.get(f"{self.process.admin_url}/metrics")).text
        for line in metrics.splitlines():
            if line.startswith(f"{name} "):
                return round(float(line.split()[1]))
        raise ValueError(f"there is no {name} in the metrics")

    async def hush(self, of: Sequence[Device]) -> None:
        await self._publisher.hush({device.session for device in of})


@asynccontextmanager
async def edge(env: Mapping[str, str]) -> AsyncIterator[EdgeServer]:
    """`env`: settings beside those of `make up`."""
    async with own_redis() as redis, SessionPublisher(redis.url) as publisher:
        port = free_port()
        async with edge_process("edge-1", port=port, redis_url=redis.url, env=env) as process:
            cores.for_server(process.pid)
            yield EdgeServer(process, publisher, port=port, redis=redis)


def edge_process(name: str, *, port: int, redis_url: str, env: Mapping[str, str]) -> ServiceProcess:
    """As `make up` starts one; not started yet."""
    settings = {"SERVER_ID": name, "WEBSOCKET_PORT": str(port), "REDIS_URL": redis_url}
    return ServiceProcess("parley_edge", admin_port=free_port(), env=settings | dict(env))
