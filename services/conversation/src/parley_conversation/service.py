"""The life of a conversation worker's process: its phases, in order."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from time import monotonic

import structlog

from parley_conversation import metrics
from parley_conversation.backlog import oldest_wait
from parley_conversation.drain import Drain
from parley_conversation.leases import Leases
from parley_conversation.patience import until_answered
from parley_conversation.worker import Worker
from parley_core.domain.errors import PermanentError, Unavailable
from parley_core.domain.ids import ProcessId
from parley_core.ports import Processes
from parley_core.redis.client import RedisClient
from parley_core.redis.feed import RedisFeed
from parley_core.redis.installation import join_installation
from parley_core.redis.keys import Keys
from parley_core.serving import HttpServer
from parley_core.telemetry import redis_up

START_WITHIN = 15.0
"""Seconds that Redis has to answer at the start; later it may be away for as long as it likes."""
DEAF = 5.0
"""Seconds without the wake channel, while commands are answered, after which it is not ready."""
MEASURE_EACH = 5.0
"""Seconds between two looks at how long sessions wait."""
FAREWELL = 5.0
"""Seconds that a leaving process tries to tell Redis so."""

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Readiness:
    """Whether this process takes work."""

    client: RedisClient
    feed: RedisFeed
    worker: Worker
    is_working: bool = False

    def unready(self) -> str | None:
        """Why no work is taken, if so. That Redis is away is no reason: the others lack it too."""
        if not self.is_working:
            return "starting"
        if self.worker.draining:
            return "draining"
        if self.client.is_up and self.feed.deaf_for() > DEAF:
            return "the wake channel is silent"
        return None


@dataclass(slots=True, kw_only=True)
class Service:
    """The parts of a worker's process. `within`: seconds that a drain may take.

    `resources` are closed last.
    """

    process: ProcessId
    keys: Keys
    client: RedisClient
    feed: RedisFeed
    processes: Processes
    worker: Worker
    leases: Leases
    readiness: Readiness
    drain: Drain
    admin: HttpServer
    api: HttpServer
    resources: AsyncExitStack
    within: float

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, then drain. Raises `PermanentError` if it cannot start."""
        async with self.resources:
            await self._run(stop)

    async def _run(self, stop: asyncio.Event) -> None:
        await self.admin.start()
        try:
            await self._connect(stop)
            if not stop.is_set():
                await self.api.start()
                await self._work(stop)
        finally:
            await self.api.stop()
            await self.admin.stop()
            await self.client.aclose()

    async def _connect(self, stop: asyncio.Event) -> None:
        limit = monotonic() + START_WITHIN
        try:
            await until_answered(self._join, is_over=lambda: stop.is_set() or monotonic() > limit)
        except Unavailable as error:
            if not stop.is_set():
                raise PermanentError(
                    f"REDIS_URL: no answer for {START_WITHIN:g} s: {error}"
                ) from error

    async def _join(self) -> None:
        await self.client.start()
        await join_installation(self.client, self.keys)

    async def _work(self, stop: asyncio.Event) -> None:
        self.feed.listen(on_message=self.worker.wake, on_gap=self.worker.missed)
        # Each of these runs for as long as the process works; the first to end, ends it.
        tasks = [
            asyncio.create_task(part)
            for part in (self._hear(), self.leases.keep(), self.worker.sweep(), self._measure())
        ]
        stopping = asyncio.create_task(self._until(stop))
        try:
            self.readiness.is_working = True
            _log.info("working", process=self.process)
            ended, _ = await asyncio.wait([*tasks, stopping], return_when=asyncio.FIRST_COMPLETED)
            for task in ended:
                task.result()
        finally:
            for task in (stopping, *reversed(tasks)):
                task.cancel()
                await asyncio.wait([task])
            await self._farewell()

    async def _until(self, stop: asyncio.Event) -> None:
        await stop.wait()
        # Leases are renewed and the process beats until the last run has ended.
        await self.drain.stop()
        await self.worker.drain(within=self.within)

    async def _hear(self) -> None:
        await self.feed.start()
        try:
            await until_answered(lambda: self.feed.subscribe(self.keys.wake), is_over=lambda: False)
            await asyncio.Event().wait()
        finally:
            await self.feed.aclose()

    async def _measure(self) -> None:
        while True:
            redis_up.set(self.client.is_up)
            try:
                metrics.OLDEST.set(await oldest_wait(self.client, self.keys))
            except Unavailable:
                redis_up.set(0)
            await asyncio.sleep(MEASURE_EACH)

    async def _farewell(self) -> None:
        """Give back what runs could not: their leases would have to expire otherwise."""
        try:
            async with asyncio.timeout(FAREWELL):
                await self.processes.evict(self.process)
                await self.processes.retire(self.process)
        except (TimeoutError, Unavailable) as error:
            _log.warning("left without a word", process=self.process, reason=str(error))
