"""Who owns background tasks: each is awaited, none fails in silence."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import structlog

log = structlog.get_logger(__name__)


class Tasks:
    """The tasks of one service."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[Any]] = set()

    def spawn(self, work: Coroutine[Any, Any, None], *, name: str) -> asyncio.Task[None]:
        """Run `work`; an exception that it lets out is logged as a bug."""
        task = asyncio.create_task(work, name=name)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    def keep(self, work: Callable[[], Awaitable[None]], *, name: str, pause: float) -> None:
        """Run `work` again and again, `pause` seconds after its end."""
        self.spawn(self._supervise(work, name, pause), name=name)

    async def _supervise(
        self, work: Callable[[], Awaitable[None]], name: str, pause: float
    ) -> None:
        """Supervisor: one failure must not end what has to go on."""
        while True:
            try:
                await work()
            except Exception:
                log.exception("a background task failed and goes on", task=name)
            await asyncio.sleep(pause)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("task failed", task=task.get_name(), exc_info=task.exception())

    async def finished(self, *, within: float) -> None:
        """Wait for those that run now, for `within` seconds."""
        if self._running:
            await asyncio.wait(self._running, timeout=within)

    async def aclose(self) -> None:
        """Cancel and await all."""
        running = list(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
