"""Many connections of one session: what a delivery costs."""

from __future__ import annotations

from dataclasses import dataclass

from parley_testing.edge_bench.contender import CENTRIFUGO, EDGE, FLOOR, PLAIN, Contender
from parley_testing.edge_bench.contenders import compared
from parley_testing.edge_bench.devices import attach_all
from parley_testing.edge_bench.edge_server import UNLIMITED
from parley_testing.edge_bench.figures import Aim, Report
from parley_testing.edge_bench.latencies import Latencies, content
from parley_testing.edge_bench.pace import ON_TIME, at_rate, until, without_collector
from parley_testing.edge_bench.stopwatch import Stopwatch

PER_CPU_SECOND = Aim(least=125_000)
P99_MS = Aim(most=20)
_WARM_UP = 2.0
_LAST_WITHIN = 5.0


@dataclass(frozen=True, slots=True)
class Fanout:
    """`bytes`: of an event's content; `rates`: events a second; `seconds`: of each rate."""

    connections: int = 1000
    bytes: int = 200
    rates: tuple[float, ...] = (20, 50)
    seconds: float = 10.0
    servers: tuple[str, ...] = (EDGE, PLAIN, CENTRIFUGO, FLOOR)


async def fanout(size: Fanout) -> Report:
    """The edge, what one would write without it, and the least that is possible."""
    report = Report(
        "fan-out",
        f"{size.connections} connections of one session, {size.bytes}-byte events; those of the"
        " edge are texts that another process appends to the log",
    )
    async for contender in compared(size.servers, env=UNLIMITED, report=report):
        await _Deliveries(contender, size, report).measure()
    return report


class _Deliveries:
    """Of one server."""

    def __init__(self, contender: Contender, size: Fanout, report: Report) -> None:
        self._contender = contender
        self._size = size
        self._report = report
        self._latencies = Latencies()
        self._devices = [
            contender.device("reader", f"device-{number}", self._latencies)
            for number in range(size.connections)
        ]

    async def measure(self) -> None:
        await attach_all(self._devices, port=self._contender.port)
        await self._contender.hush(self._devices[:1])
        with without_collector():
            await self._offer(self._size.rates[0], seconds=_WARM_UP)
            for rate in self._size.rates:
                await self._at(rate)
        for device in self._devices:
            device.abort()

    async def _at(self, rate: float) -> None:
        name, load, report = self._contender.name, f"{rate:g} events/s", self._report
        watch = Stopwatch(self._contender.pid)
        kept = await self._offer(rate, seconds=self._size.seconds)
        used, delivered = watch.read(), len(self._latencies)
        expected = round(rate * self._size.seconds) * len(self._devices)
        report.expect(kept, least=ON_TIME * rate, what=f"{name}, {load}: events a second")
        report.expect(delivered, least=expected, what=f"{name}, {load}: deliveries")
        if delivered:
            p50, p99 = self._latencies.milliseconds(0.5, 0.99)
            aims = (PER_CPU_SECOND, P99_MS) if name == EDGE else (None, None)
            report.add(name, "deliveries/CPU s", delivered / used.cpu, load=load, aim=aims[0])
            report.add(name, "p50 ms", p50, load=load)
            report.add(name, "p99 ms", p99, load=load, aim=aims[1])
            report.add_used(name, used, load=load)

    async def _offer(self, rate: float, *, seconds: float) -> float:
        """The rate that was kept; returns when everything has arrived, or is overdue."""
        self._latencies.clear()
        kept = await at_rate(rate, seconds=seconds, act=self._publish)
        expected = round(rate * seconds) * len(self._devices)
        await until(lambda: len(self._latencies) >= expected, within=_LAST_WITHIN)
        return kept

    def _publish(self) -> None:
        self._contender.publish(self._devices[0], content(self._size.bytes))
