"""How a process of the service starts, waits for Redis, and refuses to start."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable
from urllib.parse import urlsplit

import httpx
import pytest

from parley_testing.ports import free_port
from parley_testing.processes import ServiceProcess
from parley_testing.redis_proxy import RedisProxy

SOON = 5.0
"""Seconds for what happens at once; machines under test may be slow."""

Start = Callable[..., ServiceProcess]


async def status(process: ServiceProcess, path: str) -> tuple[int, str]:
    """The first answer of the admin port."""
    async with asyncio.timeout(10), httpx.AsyncClient() as client:
        while True:
            try:
                reply = await client.get(f"{process.admin_url}/{path}")
            except httpx.TransportError:
                await asyncio.sleep(0.05)
            else:
                return reply.status_code, reply.text


async def test_a_replica_that_starts_before_redis_is_ready_as_soon_as_redis_is(
    replica: Start, redis_url: str
) -> None:
    async with RedisProxy(urlsplit(redis_url).port or 6379) as proxy:
        proxy.cut()
        one = replica(REDIS_URL=f"redis://127.0.0.1:{proxy.port}")
        one.start()
        try:
            assert await status(one, "readyz") == (503, "starting\n")

            proxy.heal()

            await one.wait_ready(within=SOON)
            one.signal(signal.SIGTERM)
            assert await one.wait_exit(within=SOON) == 0
        finally:
            one.end()


async def test_a_replica_that_starts_without_redis_can_be_told_to_end(replica: Start) -> None:
    one = replica(REDIS_URL=f"redis://127.0.0.1:{free_port()}")
    one.start()
    try:
        assert (await status(one, "readyz"))[0] == 503

        one.signal(signal.SIGTERM)

        assert await one.wait_exit(within=SOON) == 0
    finally:
        one.end()


@pytest.mark.parametrize("is_admin_port", [True, False])
async def test_a_port_that_is_taken_is_one_sentence_and_exit_code_one(
    replica: Start, *, is_admin_port: bool
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        one = replica(admin_port=port) if is_admin_port else replica(HTTP_PORT=str(port))
        one.start()
        try:
            assert await one.wait_exit(within=10) == 1
            assert f"Port {port}" in one.log()
            assert "Traceback" not in one.log()
        finally:
            one.end()


async def test_a_wrong_setting_is_one_sentence_and_exit_code_one(replica: Start) -> None:
    one = replica(CLEANUP_INTERVAL="often")
    one.start()
    try:
        assert await one.wait_exit(within=10) == 1
        assert "CLEANUP_INTERVAL" in one.log()
        assert "Traceback" not in one.log()
    finally:
        one.end()
