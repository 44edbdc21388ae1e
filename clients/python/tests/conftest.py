"""Real services for the tests of the SDK and its commands."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from parley_testing.ports import free_port
from parley_testing.processes import ServiceProcess


@dataclass(frozen=True, slots=True)
class Stack:
    """Services that share a Redis and a prefix; both edges listen on `port`."""

    port: int
    prefix: str
    edges: tuple[ServiceProcess, ServiceProcess]
    worker: ServiceProcess
    presence: ServiceProcess
    presence_url: str

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"


@pytest.fixture(scope="module")
def stack(redis_url: str, request: pytest.FixtureRequest) -> Iterator[Stack]:
    """Started once a module, with the module's `SETTINGS`; a test may end one edge."""
    port, prefix = free_port(), f"t{secrets.token_hex(4)}"
    env = {
        "REDIS_URL": redis_url,
        "KEY_PREFIX": prefix,
        "WEBSOCKET_PORT": str(port),
        "RESPONDER_PAUSES": "false",
        **getattr(request.module, "SETTINGS", {}),
    }
    modules = ("parley_edge", "parley_edge", "parley_conversation", "parley_presence")
    http_ports = [str(free_port()) for _ in modules]
    edge_1, edge_2, worker, presence = processes = [
        ServiceProcess(
            module,
            admin_port=free_port(),
            env=env | {"SERVER_ID": f"process-{number}", "HTTP_PORT": http_ports[number]},
        )
        for number, module in enumerate(modules)
    ]
    try:
        for process in processes:
            process.start()
        for process in processes:
            asyncio.run(process.wait_ready())
        presence_url = f"http://127.0.0.1:{http_ports[-1]}"
        yield Stack(port, prefix, (edge_1, edge_2), worker, presence, presence_url)
    finally:
        for process in processes:
            process.end()


@pytest.fixture
def user() -> str:
    """Somebody new."""
    return f"user-{secrets.token_hex(4)}"
