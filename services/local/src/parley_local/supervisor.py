"""Keeps all processes of one machine running, and ends them in order.

The order matters. Redis comes first and goes last. At the end edges drain before workers do, so
that what edges still accept finds workers; a worker that drains finds Redis.

An edge's drain waits for others that take its clients. All edges go at once here, and nobody takes
any: each is ordered a short drain, in which its clients are told, before it is asked to end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import chain

from parley_core.domain.backoff import backoff
from parley_core.domain.errors import PermanentError
from parley_local.child import Child
from parley_local.inheritance import Inheritance
from parley_local.store import OwnRedis

_READY_WITHIN = 60.0
"""Seconds for all services to be ready; imports of a cold machine are slow."""
_ALL_EDGES_DRAIN = 1.0
"""Seconds that clients keep their edge when no edge is left to go to: answers that are nearly
written still come."""
_STEADY = 5.0
"""Seconds after which a process that dies is taken as having been well."""


class Ending:
    """What the user asked for: once to end in order, twice to end at once."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.hurry = asyncio.Event()

    def ask(self) -> None:
        (self.hurry if self.asked.is_set() else self.asked).set()


class Supervisor:
    """All processes of one machine, in the stages in which they are stopped."""

    def __init__(
        self,
        stages: Sequence[Sequence[Child]],
        *,
        redis: OwnRedis | None,
        inheritance: Inheritance | None,
        drain_within: float,
        service_token: str,
        say: Callable[[str], None],
    ) -> None:
        """`inheritance`: None leaves a dead process's sessions to the expiry of its leases.

        `service_token` proves orders; empty if there is none. The first of `stages` are the edges.
        """
        self._stages = stages
        self._redis = redis
        self._inheritance = inheritance
        self._drain_within = drain_within
        self._service_token = service_token
        self._say = say
        self._keepers: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Returns when all services are ready. Raises `PermanentError` if one is not."""
        for child in self._children:
            await self._start(child)
        await self._all_ready()
        self._keepers = [
            asyncio.create_task(self._keep_child(child), name=f"keep {child.part.name}")
            for child in self._children
        ]
        if self._redis is not None:
            self._keepers.append(asyncio.create_task(self._keep_redis(self._redis), name="redis"))

    async def failed(self) -> None:
        """Returns never; raises what a keeper failed of."""
        await asyncio.gather(*self._keepers)

    async def stop(self, *, hurry: asyncio.Event) -> None:
        """Edges, workers, presence; each has its time to drain, none in a `hurry`."""
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        await asyncio.gather(*map(self._order_drain, self._stages[0]))
        for stage in self._stages:
            await asyncio.gather(*(self._stop(child, hurry=hurry) for child in stage))

    @property
    def _children(self) -> list[Child]:
        return list(chain.from_iterable(self._stages))

    async def _all_ready(self) -> None:
        try:
            async with asyncio.TaskGroup() as waiting:
                for child in self._children:
                    waiting.create_task(child.ready(within=_READY_WITHIN))
        except ExceptionGroup as failures:
            # The first to fail cancels the others: one sentence is enough.
            raise failures.exceptions[0] from None

    async def _start(self, child: Child) -> None:
        pid = await child.start()
        self._say(f"{child.process} started as process {pid}")

    async def _order_drain(self, edge: Child) -> None:
        await edge.order_drain(within=_ALL_EDGES_DRAIN, token=self._service_token)

    async def _stop(self, child: Child, *, hurry: asyncio.Event) -> None:
        code = await child.stop(within=self._drain_within, hurry=hurry)
        self._say(f"{child.part.name} ended with exit code {code}")

    async def _keep_child(self, child: Child) -> None:
        async def died(code: int) -> None:
            self._say(f"{child.process} died with exit code {code}")
            if self._inheritance is not None:
                await self._inheritance.hand_on(child.process)

        await keep(child.ended, start=lambda: self._start(child), died=died)

    async def _keep_redis(self, redis: OwnRedis) -> None:
        async def died(code: int) -> None:
            self._say(f"redis died with exit code {code}")

        async def start() -> None:
            self._say(f"redis started as process {await redis.start()}")

        await keep(redis.ended, start=start, died=died)


async def keep(
    ended: Callable[[], Awaitable[int]],
    *,
    start: Callable[[], Awaitable[None]],
    died: Callable[[int], Awaitable[None]],
) -> None:
    """Start a process again whenever it ends: the first time at once, then ever more slowly."""
    failures = 0
    clock = asyncio.get_running_loop().time
    while True:
        began = clock()
        code = await ended()
        failures = 0 if clock() - began > _STEADY else failures + 1
        await died(code)
        await asyncio.sleep(backoff(failures - 1, roll=1.0))
        try:
            await start()
        except PermanentError:
            # It ended again, or will be found ended: the next round waits longer.
            continue
