"""A full look at the cluster, which finds what no event told, and tidies up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from parley_operator.attendance import Attendance
from parley_operator.domain.drains import ENDED, Asked, DrainName, holds_pods, is_old
from parley_operator.domain.pods import Pod
from parley_operator.drains import Drains
from parley_operator.evictions import Evictions
from parley_operator.picture import Picture
from parley_operator.ports import Cluster

SOON = 5.0
"""Seconds until the next look, if this one missed something that should be there."""


class Reconciling:
    """One look after the other. `wall` is Unix time, which objects' times are compared with."""

    def __init__(
        self,
        picture: Picture,
        cluster: Cluster,
        attendance: Attendance,
        drains: Drains,
        evictions: Evictions,
        *,
        nodes: bool,
        kept: int,
        retention: float,
        wall: Callable[[], float],
    ) -> None:
        self._picture = picture
        self._cluster = cluster
        self._attendance = attendance
        self._drains = drains
        self._evictions = evictions
        self._nodes = nodes
        self._kept = kept
        self._retention = retention
        self._wall = wall
        self._listed: frozenset[DrainName] = frozenset()
        self.is_done = asyncio.Event()
        """Whether there was a first look."""

    async def look(self) -> bool:
        """Whether the next one should be soon. Raises `TemporaryError`."""
        pods = await self._cluster.pods()
        if not self.is_done.is_set():
            # What was there before is not new; and drains that an operator before this one began
            # are found before they are begun again.
            for pod in pods:
                self._picture.see(pod)
        await self._look_at_drains()
        self._see(pods)
        if self._nodes:
            self._picture.replace_nodes(await self._cluster.nodes())
        self._picture.touch()
        self.is_done.set()
        has_orphans = await self._evictions.without_pod(self._picture.pods)
        return has_orphans or self._picture.has_missing

    def _see(self, listed: tuple[Pod, ...]) -> None:
        for pod in listed:
            self._attendance.see(pod)
        for pod in self._picture.missing_from(listed):
            self._attendance.lose(pod)

    async def _look_at_drains(self) -> None:
        listed = await self._cluster.drains()
        names = frozenset(asked.name for asked in listed)
        for asked in listed:
            self._drains.see(asked)
        for name in self._listed - names:
            self._drains.lose(name)
        self._listed = names
        for name in self._too_old(listed):
            await self._cluster.remove(name)

    def _too_old(self, listed: Iterable[Asked]) -> list[DrainName]:
        """Those past their time, and the oldest of too many; none that keeps a pod drained."""
        pods, now = self._picture.pods.keys(), self._wall()
        over = [
            asked for asked in listed if asked.phase in ENDED and not holds_pods(asked, pods=pods)
        ]
        over.sort(key=lambda asked: asked.ended or 0.0)
        too_many = over[: max(0, len(over) - self._kept)]
        old = [
            asked for asked in over if is_old(asked, pods=pods, now=now, retention=self._retention)
        ]
        return list(dict.fromkeys(asked.name for asked in (*too_many, *old)))
