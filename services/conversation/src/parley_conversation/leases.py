"""Keeps what this process holds: its leases, and its own place among the living.

On a thread of its own with its own connection, because a graph may block the event loop for longer
than a lease lives. Another thread and the event loop share two things only: the set of runs, under
a lock, and what `Run` is told, which is called on the event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from threading import Lock
from time import monotonic

import structlog

from parley_conversation.run import Run
from parley_core.domain.errors import StaleToken, Unavailable
from parley_core.domain.events import ProcessInfo
from parley_core.domain.ids import ProcessId
from parley_core.ports import Processes, Work

RENEW_EACH = 1.5
"""Seconds; a lease lives for 5, so that two renewals may be lost."""
BEAT_EACH = 2.0
"""Seconds; a process is taken for dead after 8."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Lifeline:
    """The adapters of the thread's own connection."""

    work: Work
    processes: Processes


class Leases:
    """The runs whose leases are renewed.

    `connect` opens the thread's connection; it may take as long as Redis is away. `info` is called
    from the thread.
    """

    def __init__(
        self,
        connect: Callable[[], AbstractAsyncContextManager[Lifeline]],
        *,
        process: ProcessId,
        info: Callable[[], ProcessInfo],
    ) -> None:
        self._connect = connect
        self._process = process
        self._info = info
        self._runs: set[Run] = set()
        self._lock = Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="leases")

    async def keep(self) -> None:
        """Renew and beat until cancelled. Raises what the thread died of."""
        self._loop = asyncio.get_running_loop()
        inside = self._loop.create_future()
        ended = self._loop.run_in_executor(self._thread, asyncio.run, self._main(inside))
        inner, task = await inside
        try:
            await asyncio.shield(ended)
        finally:
            if not ended.done():
                inner.call_soon_threadsafe(task.cancel)
                await asyncio.wait([ended])
            self._thread.shutdown()

    def hold(self, run: Run) -> None:
        """Renew this run's lease from now on."""
        with self._lock:
            self._runs.add(run)

    def drop(self, run: Run) -> None:
        """The run has ended. Idempotent."""
        with self._lock:
            self._runs.discard(run)

    async def _main(self, inside: asyncio.Future[object]) -> None:
        inner = asyncio.get_running_loop(), asyncio.current_task()
        self._loop.call_soon_threadsafe(inside.set_result, inner)
        with suppress(asyncio.CancelledError):  # by `keep`, which waits for the thread's end
            async with self._connect() as line, asyncio.TaskGroup() as group:
                group.create_task(_each(RENEW_EACH, lambda: self._renew(line.work)))
                group.create_task(_each(BEAT_EACH, lambda: self._beat(line.processes)))

    async def _renew(self, work: Work) -> None:
        now = monotonic()
        with self._lock:
            runs = [run for run in self._runs if now < run.until]
        # All renewals of one tick leave as one pipeline.
        await asyncio.gather(*(self._renew_one(work, run) for run in runs))

    async def _renew_one(self, work: Work, run: Run) -> None:
        lease = run.lease
        try:
            stop = await work.renew(lease)
        except StaleToken:
            self._loop.call_soon_threadsafe(run.refuse, lease)
        except Unavailable as error:
            # Leases do not expire by the time in which Redis cannot be reached.
            _log.debug("lease not renewed", session=lease.session, reason=str(error))
        else:
            if stop:
                self._loop.call_soon_threadsafe(run.stopped, stop)

    async def _beat(self, processes: Processes) -> None:
        try:
            reaped = await processes.beat(self._process, self._info())
        except Unavailable as error:
            _log.debug("no beat", reason=str(error))
            return
        if reaped:
            _log.warning("taken for dead, and alive again", process=self._process)


async def _each(seconds: float, call: Callable[[], Awaitable[None]]) -> None:
    while True:
        await call()
        await asyncio.sleep(seconds)
