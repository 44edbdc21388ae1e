"""A text of one device on its way to another of the same user; the agent is not asked."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from itertools import cycle

from parley_testing.edge_bench.contender import CENTRIFUGO, EDGE, PLAIN, Contender
from parley_testing.edge_bench.contenders import compared
from parley_testing.edge_bench.devices import Device, attach_all
from parley_testing.edge_bench.edge_server import UNLIMITED
from parley_testing.edge_bench.figures import Aim, Report
from parley_testing.edge_bench.latencies import Latencies, content
from parley_testing.edge_bench.pace import ON_TIME, at_rate, until, without_collector
from parley_testing.edge_bench.stopwatch import Stopwatch

PER_CPU_SECOND = Aim(least=8_000)
P99_MS = Aim(most=15)
_WARM_UP = 2.0
_LAST_WITHIN = 5.0


@dataclass(frozen=True, slots=True)
class Echo:
    """`users` have two devices each; `rate`: messages a second; `seconds`: of each step."""

    users: int = 500
    rate: float = 1000
    bytes: int = 200
    seconds: float = 10.0
    servers: tuple[str, ...] = (EDGE, PLAIN, CENTRIFUGO)


async def echo(size: Echo) -> Report:
    """The edge, and what one would write without it, which has no log."""
    report = Report(
        "echo",
        f"{2 * size.users} connections, two of each user, {size.bytes}-byte texts from one to the"
        " other, each acknowledged; saturated: each device answers at once",
    )
    async for contender in compared(size.servers, env=UNLIMITED, report=report):
        await _Echoes(contender, size, report).measure()
    return report


class _Echoes:
    """One server."""

    def __init__(self, contender: Contender, size: Echo, report: Report) -> None:
        self._contender = contender
        self._size = size
        self._report = report
        self._latencies = Latencies()
        self._devices = [
            contender.device(f"user-{user}", name, self._latencies)
            for name in ("phone", "laptop")
            for user in range(size.users)
        ]

    async def measure(self) -> None:
        await attach_all(self._devices, port=self._contender.port)
        await self._contender.hush(self._devices[: self._size.users])
        with without_collector():
            await self._offer(_WARM_UP)
            await self._at_rate()
            await self._saturated()
        for error in [error for device in self._devices for error in device.errors][:1]:
            self._report.fail(f"{self._contender.name}: a client was told {error}")
        for device in self._devices:
            device.abort()

    async def _at_rate(self) -> None:
        size, report = self._size, self._report
        name, load = self._contender.name, f"{size.rate:g} messages/s"
        acks = self._acks()
        watch = Stopwatch(self._contender.pid)
        kept = await self._offer(size.seconds)
        used = watch.read()
        expected, what = round(size.rate * size.seconds), f"{name}, {load}"
        report.expect(kept, least=ON_TIME * size.rate, what=f"{what}: messages a second")
        report.expect(len(self._latencies), least=expected, what=f"{what}: deliveries")
        report.expect(self._acks() - acks, least=expected, what=f"{what}: acknowledgements")
        if len(self._latencies):
            p50, p99 = self._latencies.milliseconds(0.5, 0.99)
            report.add(name, "messages/CPU s", len(self._latencies) / used.cpu, load=load)
            report.add(name, "p50 ms", p50, load=load)
            report.add(name, "p99 ms", p99, load=load, aim=P99_MS if name == EDGE else None)
            report.add_used(name, used, load=load)

    async def _saturated(self) -> None:
        """Each user's two devices answer each other: as much as the server can do."""
        size, name, load = self._size, self._contender.name, "saturated"
        for device in self._devices:
            device.on_delivery = self._say
        for device in self._devices[: size.users]:
            self._say(device)
        await asyncio.sleep(_WARM_UP)
        self._latencies.clear()
        watch = Stopwatch(self._contender.pid)
        await asyncio.sleep(size.seconds)
        used, delivered = watch.read(), len(self._latencies)
        for device in self._devices:
            device.on_delivery = None
        aim = PER_CPU_SECOND if name == EDGE else None
        self._report.add(name, "messages/CPU s", delivered / used.cpu, load=load, aim=aim)
        self._report.add(name, "messages/s", delivered / used.wall, load=load)
        self._report.add_used(name, used, load=load)

    async def _offer(self, seconds: float) -> float:
        """The rate that was kept; returns when everything has arrived, or is overdue."""
        self._latencies.clear()
        turns, acks = cycle(self._devices), self._acks()
        kept = await at_rate(self._size.rate, seconds=seconds, act=lambda: self._say(next(turns)))
        expected = round(self._size.rate * seconds)
        await until(
            lambda: len(self._latencies) >= expected and self._acks() - acks >= expected,
            within=_LAST_WITHIN,
        )
        return kept

    def _say(self, device: Device) -> None:
        device.say(content(self._size.bytes))

    def _acks(self) -> int:
        return sum(device.acks for device in self._devices)
