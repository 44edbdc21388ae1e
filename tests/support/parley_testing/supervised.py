"""What `make up` runs, on a Redis of the test's own, to kill its processes one after another."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from parley_core.domain.ids import ProcessId
from parley_core.redis.client import RedisClient
from parley_core.redis.keys import Keys
from parley_local.redis_server import RedisServer, find
from parley_testing.ports import free_port
from parley_testing.stack import ablated
from parley_testing.up import Up

VICTIMS = ("edge-1", "worker-1", "edge-2", "worker-2")
_ADMIN = {"edge-1": 0, "edge-2": 1, "worker-1": 2, "worker-2": 3}
"""Which of the row of admin ports is whose."""
_READY_WITHIN = 30.0
_LOOK_EACH = 0.05


class Supervised:
    """An async context manager: up inside, ended in order outside.

    `evict` off: what a dead worker had in hand waits until its lease expires.
    """

    def __init__(self, folder: Path, *, evict: bool = True, ablation: str | None = None) -> None:
        self.keys = Keys("parley")
        self._redis = RedisServer(find(), port=free_port(), folder=folder / "redis")
        self._up = Up(
            folder,
            REDIS_URL=self._redis.url,
            SUPERVISOR_EVICT="on" if evict else "off",
            RATE_TEXT="1000",
            RATE_TEXT_BURST="2000",
            **ablated(ablation),
        )
        self._exit = AsyncExitStack()

    async def __aenter__(self) -> Self:
        try:
            self._redis.start()
            self._exit.callback(self._redis.stop)
            await self._redis.wait_ready()
            self.direct = RedisClient(self._redis.url, name="test")
            await self.direct.start()
            self._exit.push_async_callback(self.direct.aclose)
            self._up.start()
            self._exit.callback(self._up.end)
            await self._up.is_up()
        except BaseException:
            await self._exit.aclose()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            print("\n".join(self._up.lines[-200:]))
        await self._exit.aclose()

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"ws://127.0.0.1:{self._up.websocket_port}/ws"

    async def ready(self, name: str) -> ProcessId:
        """Wait until the newest process that runs as `name` takes work."""
        url = f"http://127.0.0.1:{self._up.admin_port + _ADMIN[name]}/readyz"
        async with asyncio.timeout(_READY_WITHIN), httpx.AsyncClient() as client:
            while not await _is_ready(client, url):
                await asyncio.sleep(_LOOK_EACH)
        return self._newest(name)[0]

    def kill(self, name: str) -> None:
        """SIGKILL its newest process; the supervisor does the rest."""
        os.kill(self._newest(name)[1], signal.SIGKILL)

    def _newest(self, name: str) -> tuple[ProcessId, int]:
        starts = re.findall(rf"({name}/\w+) started as process (\d+)", "\n".join(self._up.lines))
        process, pid = starts[-1]
        return ProcessId(process), int(pid)


async def _is_ready(client: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await client.get(url, timeout=2)).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False
