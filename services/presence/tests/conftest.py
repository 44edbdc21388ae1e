"""Processes of the presence service for its tests."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from parley_testing.ports import free_port
from parley_testing.processes import ServiceProcess


@pytest.fixture
def replica(redis_url: str, prefix: str) -> Callable[..., ServiceProcess]:
    """A process of the service that is not started yet."""

    def make(
        server_id: str = "presence-1", *, admin_port: int | None = None, **env: str
    ) -> ServiceProcess:
        settings = {
            "REDIS_URL": redis_url,
            "KEY_PREFIX": prefix,
            "SERVER_ID": server_id,
            "SERVICE_TOKEN": "s3cret",
            "HTTP_PORT": str(free_port()),
            "WEBSOCKET_HOST": "127.0.0.1",
        }
        return ServiceProcess(
            "parley_presence", admin_port=admin_port or free_port(), env=settings | env
        )

    return make
