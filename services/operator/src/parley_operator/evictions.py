"""Handing on what dead processes held, at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from enum import StrEnum

import structlog

from parley_core.domain.ids import ProcessId
from parley_core.ports import Processes
from parley_operator import metrics
from parley_operator.domain import deaths
from parley_operator.domain.deaths import Home
from parley_operator.domain.pods import Pod, PodName

log = structlog.get_logger(__name__)

BAR = 60.0
"""Seconds that an evicted process may not claim: it may be alive after all on a node that froze,
and longer than a kubelet needs to end it when the node thaws."""


class Death(StrEnum):
    """How it is known that a process is over."""

    POD_DELETED = "pod_deleted"
    CONTAINER_OVER = "container_over"
    POD_MISSING = "pod_missing"


class Evictions:
    """A repeat finds nothing: what was reaped is not among the living any more."""

    def __init__(self, processes: Processes, *, home: Home, clock: Callable[[], float]) -> None:
        self._processes = processes
        self._home = home
        self._clock = clock
        self._without_pod: frozenset[ProcessId] = frozenset()

    async def of_pod(self, pod: Pod, *, is_gone: bool, heard: float) -> int:
        """Evict what is over in this pod; how many sessions that freed.

        `heard`: when the news came. Raises `Unavailable`.
        """
        alive = await self._processes.alive()
        if is_gone:
            over = deaths.over_with_pod(pod.name, alive, home=self._home)
            return await self._evict(over, Death.POD_DELETED, heard=heard)
        over = deaths.over_with_container(pod, alive, home=self._home)
        return await self._evict(over, Death.CONTAINER_OVER, heard=heard)

    async def without_pod(self, pods: Iterable[PodName]) -> bool:
        """Evict what two full lists had no pod for; whether there is more to be found by the next.

        Raises `Unavailable`.
        """
        # First who beats: a process that begins between the two is not taken for a silent one.
        alive = await self._processes.alive()
        beating = await self._processes.alive(within=deaths.QUIET)
        known = frozenset(pods)
        orphans = deaths.without_pod(alive, pods=known, beating=(), home=self._home)
        silent = deaths.without_pod(alive, pods=known, beating=beating, home=self._home)
        over, self._without_pod = silent & self._without_pod, orphans
        await self._evict(over, Death.POD_MISSING, heard=self._clock())
        return bool(orphans - over)

    async def _evict(self, over: Iterable[ProcessId], death: Death, *, heard: float) -> int:
        freed = await asyncio.gather(*(self._evict_one(process, death) for process in over))
        if freed:
            metrics.EVICTION_SECONDS.observe(self._clock() - heard)
        return sum(freed)

    async def _evict_one(self, process: ProcessId, death: Death) -> int:
        freed = await self._processes.evict(process, bar=BAR)
        metrics.EVICTED.labels(death).inc()
        metrics.SESSIONS.inc(freed)
        metrics.REAPED.inc(await self._processes.reap(process))
        log.info("evicted", process=process, death=death, sessions=freed)
        return freed
