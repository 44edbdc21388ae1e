"""What `COMPRESSION` costs and saves: frames deflated once for all who get them, and not at all."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import cycle
from random import Random
from typing import NamedTuple

from parley_testing.edge_bench.balance import Reader, balance
from parley_testing.edge_bench.contender import EDGE
from parley_testing.edge_bench.devices import attach_all
from parley_testing.edge_bench.edge_server import UNLIMITED, EdgeServer, edge
from parley_testing.edge_bench.figures import Report
from parley_testing.edge_bench.latencies import Latencies, stamp
from parley_testing.edge_bench.pace import ON_TIME, at_rate, until, without_collector
from parley_testing.edge_bench.prose import texts
from parley_testing.edge_bench.stopwatch import Stopwatch

OFF, ON, RATIO = f"{EDGE}, off", f"{EDGE}, on", "on/off"
_DEVICES = 2
_WARM_UP = 2.0
_LAST_WITHIN = 5.0


@dataclass(frozen=True, slots=True)
class Compression:
    """One session with `connections`, then `sessions` with two each.

    `bytes`: of an event's content; `rates`: events a second of the one session, and of all the
    many; `seconds`: of each load.
    """

    connections: int = 200
    sessions: int = 100
    bytes: tuple[int, ...] = (200, 2000)
    rates: tuple[float, float] = (50, 400)
    seconds: float = 10.0


async def compression(size: Compression) -> Report:
    """The edge without and with it; its clients ask for what it does."""
    report = Report(
        "compression",
        "events of words and sentences that another process appends to the log; bytes: all that"
        " clients receive, without TCP's headers; CPU: all of the edge's;"
        " a frame is inflated once for all its readers",
    )
    one, many = size.rates
    shapes = (_Shape(1, size.connections, one), _Shape(size.sessions, _DEVICES, many))
    for server in (OFF, ON):
        async with edge(UNLIMITED | {"COMPRESSION": str(server == ON).lower()}) as process:
            for shape in shapes:
                await _Load(process, server, shape, report).measure(size)
    add_ratios(report)
    return report


def add_ratios(report: Report) -> None:
    """Of each figure that there is without compression and with it."""
    found = {(each.server, each.load, each.name): each.value for each in report.figures}
    for (server, load, name), on in found.items():
        off = found.get((OFF, load, name))
        if server == ON and off:
            report.add(RATIO, name, on / off, load=load)


class _Shape(NamedTuple):
    """Sessions, connections of each, and events a second for all of them."""

    sessions: int
    each: int
    rate: float


class _Load:
    """One shape on one edge."""

    def __init__(self, edge: EdgeServer, server: str, shape: _Shape, report: Report) -> None:
        self._edge, self._server, self._shape, self._report = edge, server, shape, report
        self._latencies = Latencies()
        self._sessions = [
            [
                self._reader(f"user-{shape.sessions}-{user}", f"d{name}")
                for name in range(shape.each)
            ]
            for user in range(shape.sessions)
        ]
        self._readers = [reader for session in self._sessions for reader in session]

    def _reader(self, user: str, device: str) -> Reader:
        deflates = self._server == ON
        return Reader(user=user, device=device, latencies=self._latencies, deflates=deflates)

    async def measure(self, size: Compression) -> None:
        await attach_all(self._readers, port=self._edge.port)
        await self._edge.hush(self._readers)
        with without_collector():
            await self._offer(size.bytes[0], seconds=_WARM_UP)
            for content in size.bytes:
                await self._deliver(content, seconds=size.seconds)
        for reader in self._readers:
            reader.abort()

    async def _deliver(self, size: int, *, seconds: float) -> None:
        server, shape, report = self._server, self._shape, self._report
        load = f"{shape.sessions} x {shape.each}, {size} bytes, {shape.rate:g}/s"
        watch = Stopwatch(self._edge.pid)
        kept = await self._offer(size, seconds=seconds)
        used, found = watch.read(), balance(self._readers)
        what = f"{server}, {load}"
        report.expect(kept, least=ON_TIME * shape.rate, what=f"{what}: events a second")
        if found.lost or found.doubled:
            report.fail(
                f"{what}: of {found.due} deliveries {found.lost} were lost, {found.doubled} doubled"
            )
        if found.came:
            report.add(server, "bytes/delivery", found.arrived / found.came, load=load)
            report.add(server, "CPU us/delivery", 1e6 * used.cpu / found.came, load=load)
            report.add(server, "p99 ms", self._latencies.milliseconds(0.99)[0], load=load)

    async def _offer(self, size: int, *, seconds: float) -> float:
        """The rate that was kept; returns when everything has arrived, or is overdue."""
        turns = cycle(self._sessions)
        contents = cycle(texts(Random(size), size=size - len(stamp())))
        for reader in self._readers:
            reader.due = reader.came = reader.arrived = 0
        self._latencies.clear()

        def publish() -> None:
            readers = next(turns)
            for reader in readers:
                reader.due += 1
            self._edge.publish(readers[0], stamp().decode() + next(contents))

        kept = await at_rate(self._shape.rate, seconds=seconds, act=publish)
        total = balance(self._readers).due
        await until(lambda: len(self._latencies) >= total, within=_LAST_WITHIN)
        return kept
