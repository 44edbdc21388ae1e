"""Clients that do not read, and clients that are gone without a word: the others do not notice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle

from parley_testing.edge_bench import meter
from parley_testing.edge_bench.blackhole import Blackhole
from parley_testing.edge_bench.contender import EDGE
from parley_testing.edge_bench.devices import Device, attach_all
from parley_testing.edge_bench.edge_server import CONNECTIONS, UNLIMITED, EdgeServer, edge
from parley_testing.edge_bench.figures import Aim, Report
from parley_testing.edge_bench.latencies import Latencies, content
from parley_testing.edge_bench.pace import ON_TIME, at_rate, repeated, until, without_collector
from parley_testing.edge_bench.stopwatch import Stopwatch

P99_RATIO = Aim(most=1.2)
_QUEUE_MB = 1.0
"""What the edge keeps for one connection at most."""
_ROOM = 1.5
"""How much more than its queue a stalled connection may cost."""
_LAST_WITHIN = 5.0
_LOOK_EACH = 0.5
_SMALL = 4096
"""Bytes that the kernel takes in for a slow reader: it is to be seen soon."""


@dataclass(frozen=True, slots=True)
class Slow:
    """`sessions` of 98 connections that read, one that does not, and one that is half open.

    `rate`: events a second of each session; `calm` and `seconds`: without the two, and with them;
    longer than a connection may be silent.
    """

    sessions: int = 10
    rate: float = 20
    bytes: int = 2000
    calm: float = 20.0
    seconds: float = 40.0


async def slow(size: Slow) -> Report:
    """The same load without those who stall, and with them."""
    report = Report(
        "slow",
        f"{size.sessions} sessions of 98 connections that read, and then one each that does not and"
        f" one whose network is gone; {size.rate:g} events/s of {size.bytes} bytes a session",
    )
    async with edge(UNLIMITED) as server:
        with Blackhole(server.port) as network:
            await _Stalls(server, network, size, report).measure()
    return report


class SlowReader(Device):
    """Reads until it follows its session, and then no more."""

    def received(self, data: bytes, start: int, end: int) -> None:
        super().received(data, start, end)
        self.stop_reading()


class _Stalls:
    """One edge."""

    def __init__(self, server: EdgeServer, network: Blackhole, size: Slow, report: Report) -> None:
        self._server = server
        self._network = network
        self._size = size
        self._report = report
        self._latencies = Latencies()
        self._readers = [
            server.device(f"user-{session}", f"reader-{number}", self._latencies)
            for session in range(size.sessions)
            for number in range(98)
        ]
        self._stalled: Sequence[Device] = ()
        self._most = 0

    async def measure(self) -> None:
        await attach_all(self._readers, port=self._server.port)
        await self._server.hush(self._readers)
        with without_collector():
            await self._offer(2.0)
            before = await self._p99(self._size.calm, load="without")
            memory = meter.memory(self._server.pid)
            await self._stall()
            async with repeated(self._look, each=_LOOK_EACH):
                after = await self._p99(self._size.seconds, load="with")
        self._report.add(EDGE, "p99 with to without", after / before, aim=P99_RATIO)
        stalled = 2 * self._size.sessions
        bound = Aim(most=stalled * _QUEUE_MB * _ROOM)
        grown = (self._most - memory) / 1e6
        self._report.add(EDGE, "PSS MB grown, at most", grown, aim=bound)
        gone = sum(reader.closed.done() for reader in self._readers)
        left = await self._server.gauge(CONNECTIONS) - (len(self._readers) - gone)
        self._report.add(EDGE, "stalled connections that are left", left, aim=Aim(most=0))
        if gone:
            self._report.fail(f"{gone} connections that read were closed")
        for device in (*self._readers, *self._stalled):
            device.abort()

    async def _p99(self, seconds: float, *, load: str) -> float:
        watch = Stopwatch(self._server.pid)
        kept = await self._offer(seconds)
        used, total = watch.read(), self._size.rate * self._size.sessions
        expected = round(total * seconds) * 98
        self._report.expect(kept, least=ON_TIME * total, what=f"{load}: events a second")
        self._report.expect(len(self._latencies), least=expected, what=f"{load}: deliveries")
        p50, p99 = self._latencies.milliseconds(0.5, 0.99)
        self._report.add(EDGE, "p50 ms", p50, load=load)
        self._report.add(EDGE, "p99 ms", p99, load=load)
        self._report.add_used(EDGE, used, load=load)
        return p99

    async def _stall(self) -> None:
        """Add the two of each session; from then on neither reads, and one of them is not there."""
        sessions = [f"user-{session}" for session in range(self._size.sessions)]
        deaf = [SlowReader(user=user, device="slow", latencies=Latencies()) for user in sessions]
        absent = [self._server.device(user, "absent", Latencies()) for user in sessions]
        await attach_all(deaf, port=self._server.port, receive_buffer=_SMALL)
        await attach_all(absent, port=self._network.port)
        self._network.swallow()
        self._stalled = (*deaf, *absent)

    async def _offer(self, seconds: float) -> float:
        """Events into all sessions in turn; the rate that was kept."""
        self._latencies.clear()
        rate = self._size.rate * self._size.sessions
        turns = cycle(self._readers[::98])

        def publish() -> None:
            self._server.publish(next(turns), content(self._size.bytes))

        kept = await at_rate(rate, seconds=seconds, act=publish)
        expected = round(rate * seconds) * 98
        await until(lambda: len(self._latencies) >= expected, within=_LAST_WITHIN)
        return kept

    async def _look(self) -> None:
        self._most = max(self._most, meter.memory(self._server.pid))
