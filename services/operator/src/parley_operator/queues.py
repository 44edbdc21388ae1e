"""An own queue for each pod: its steps one after the other, and no pod waits for another.

A queue has room for one sighting. A newer one takes its place, since each says all that is known
of the pod; but news that it is gone is never replaced.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from parley_core.domain.errors import TemporaryError
from parley_core.tasks import Tasks
from parley_operator import metrics
from parley_operator.domain.pods import Pod

log = structlog.get_logger(__name__)

_LEAST = 0.1
_MOST = 5.0
"""Seconds between two tries."""
_GIVE_UP = 20
"""Tries, a minute and a half; the next full look brings the pod again."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A pod as it is, or as it was last. `at`: seconds, when that was heard."""

    pod: Pod
    is_gone: bool
    at: float


class PodQueues:
    """Hands sightings to `attend`, which may raise `TemporaryError` and is repeated then."""

    def __init__(self, attend: Callable[[Sighting], Awaitable[None]], *, tasks: Tasks) -> None:
        self._attend = attend
        self._tasks = tasks
        self._waiting: dict[str, Sighting] = {}
        self._busy: set[str] = set()

    def put(self, sighting: Sighting) -> None:
        """Attend to the pod, as soon as what runs for it has ended."""
        uid = sighting.pod.uid
        waiting = self._waiting.get(uid)
        if waiting is None or not waiting.is_gone:
            self._waiting[uid] = sighting
        if uid not in self._busy:
            self._busy.add(uid)
            self._tasks.spawn(self._run(uid), name=f"attend {sighting.pod.name}")

    async def _run(self, uid: str) -> None:
        tries, pause = 0, _LEAST
        try:
            while (sighting := self._waiting.pop(uid, None)) is not None:
                try:
                    await self._attend(sighting)
                except TemporaryError as error:
                    tries += 1
                    self._put_back(sighting, error, tries)
                    await asyncio.sleep(max(pause, error.delay))
                    pause = min(_MOST, pause * 2)
                else:
                    tries, pause = 0, _LEAST
        finally:
            self._busy.discard(uid)

    def _put_back(self, sighting: Sighting, error: TemporaryError, tries: int) -> None:
        metrics.RETRIES.labels("attend").inc()
        if tries >= _GIVE_UP:
            log.warning("given up", pod=sighting.pod.name, reason=str(error))
            return
        waiting = self._waiting.get(sighting.pod.uid)
        if waiting is None or sighting.is_gone:
            self._waiting[sighting.pod.uid] = sighting
