"""Two edges on one port, a crowd of roamers on the first of them, and the judge of all they saw."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import cycle

from parley_core.domain.events import Event
from parley_core.domain.ids import SessionId
from parley_testing.edge_bench import cores
from parley_testing.edge_bench.contender import EDGE, own_redis
from parley_testing.edge_bench.edge_server import edge_process
from parley_testing.edge_bench.figures import Aim, Report
from parley_testing.edge_bench.pace import ON_TIME, at_rate, until
from parley_testing.edge_bench.publishing import SessionPublisher
from parley_testing.edge_bench.roaming import Roamer, Seen
from parley_testing.ports import free_port
from parley_testing.processes import ServiceProcess

NONE = Aim(most=0)
_AT_ONCE = 64
_HEARD_WITHIN = 5.0
_SETTLED_WITHIN = 30.0
_HISTORY = 1_000
"""Events that a log keeps; nobody says more in a run."""
_BYTES = 200


class Crowd:
    """All clients, while some of them talk."""

    def __init__(self, publisher: SessionPublisher, *, port: int, active: int) -> None:
        self.seen = Seen()
        self.roamers: list[Roamer] = []
        self._active = active
        self._port = port
        self._publisher = publisher

    async def gather(self, connections: int) -> None:
        """Connect them, two devices of each user."""
        self.roamers = [
            Roamer(f"user-{user}", device, port=self._port, seen=self.seen)
            for device in ("phone", "laptop")
            for user in range(connections // 2)
        ]
        waiting = iter(self.roamers)

        async def start_some() -> None:
            for roamer in waiting:
                await roamer.start()

        await asyncio.gather(*(start_some() for _ in range(_AT_ONCE)))
        await self._publisher.hush({roamer.session for roamer in self.roamers})

    @asynccontextmanager
    async def talking(self, report: Report) -> AsyncIterator[None]:
        """Each active one says something each second; at the end everybody has heard it."""
        self.seen.latencies.clear()
        began, turns = time.monotonic(), cycle(self.roamers[: self._active])
        stopped = asyncio.Event()

        async def talk() -> None:
            while not stopped.is_set():
                await at_rate(self._active, seconds=1, act=lambda: next(turns).say(_BYTES))

        task = asyncio.create_task(talk())
        try:
            yield
        finally:
            stopped.set()
            await task
        offered = self._said() / (time.monotonic() - began)
        report.expect(offered, least=ON_TIME * self._active, what="texts a second")
        if not await until(self._is_settled, within=_SETTLED_WITHIN):
            report.fail("clients did not come to rest")

    async def judge(self, report: Report) -> None:
        """What is in the logs must be what was said, once, and everybody must have all of it."""
        logs = {session: await self._log(session) for session in self.seen.said}
        tops = {session: events[-1].seq for session, events in logs.items()}
        await until(lambda: not self._behind(tops), within=_HEARD_WITHIN)
        lost, doubled = self._behind(tops), self.seen.wrong.pop("doubled", 0)
        for session, events in logs.items():
            logged = [event.id for event in events]
            lost += len(self.seen.said[session] - set(logged))
            doubled += len(logged) - len(set(logged))
        report.add(EDGE, "texts", self._said())
        report.add(EDGE, "lost", lost, aim=NONE)
        report.add(EDGE, "doubled", doubled, aim=NONE)
        for what, times in {"lost": lost, "doubled": doubled, **self.seen.wrong}.items():
            if times:
                report.fail(f"{what}: {times}")

    async def _log(self, session: str) -> Sequence[Event]:
        events, _ = await self._publisher.conversations.history(
            SessionId(session), before=None, limit=_HISTORY
        )
        return events

    def _behind(self, tops: Mapping[str, int]) -> int:
        """Events that clients do not have, of all together."""
        return sum(tops.get(each.session, each.seq) - each.seq for each in self.roamers)

    def leave(self) -> None:
        for roamer in self.roamers:
            roamer.leave()

    def _said(self) -> int:
        return sum(map(len, self.seen.said.values()))

    def _is_settled(self) -> bool:
        return all(roamer.is_settled for roamer in self.roamers)


@asynccontextmanager
async def crowd_on_first(
    *, connections: int, active: int, env: Mapping[str, str] | None = None
) -> AsyncIterator[tuple[Crowd, ServiceProcess, ServiceProcess]]:
    """A crowd, the edge that all of it is on, and the one where it will go."""
    async with own_redis() as redis, SessionPublisher(redis.url) as publisher:
        port = free_port()
        first, second = (
            edge_process(name, port=port, redis_url=redis.url, env=env or {})
            for name in ("edge-1", "edge-2")
        )
        crowd = Crowd(publisher, port=port, active=active)
        async with first:
            cores.for_server(first.pid)
            await crowd.gather(connections)
            # It shares the port from now on: nobody is on it yet.
            async with second:
                cores.for_server(second.pid)
                try:
                    yield crowd, first, second
                finally:
                    crowd.leave()
