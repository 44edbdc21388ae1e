"""A real edge pair and a real worker, for the tests of the SDK."""

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
    edges: tuple[ServiceProcess, ServiceProcess]
    worker: ServiceProcess

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"


@pytest.fixture(scope="module")
def stack(redis_url: str) -> Iterator[Stack]:
    """Started once a module; a test may end one edge."""
    port = free_port()
    env = {
        "REDIS_URL": redis_url,
        "KEY_PREFIX": f"t{secrets.token_hex(4)}",
        "WEBSOCKET_PORT": str(port),
        "HTTP_PORT": str(free_port()),
        "RESPONDER_PAUSES": "false",
    }
    modules = {"edge-1": "parley_edge", "edge-2": "parley_edge", "worker": "parley_conversation"}
    edge_1, edge_2, worker = processes = [
        ServiceProcess(module, admin_port=free_port(), env=env | {"SERVER_ID": name})
        for name, module in modules.items()
    ]
    try:
        for process in processes:
            process.start()
        for process in processes:
            asyncio.run(process.wait_ready())
        yield Stack(port, (edge_1, edge_2), worker)
    finally:
        for process in processes:
            process.end()


@pytest.fixture
def user() -> str:
    """Somebody new."""
    return f"user-{secrets.token_hex(4)}"
