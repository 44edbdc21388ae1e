"""Answers that are being written, on their way to two devices each."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import msgspec

from parley_testing.edge_bench import cores
from parley_testing.edge_bench.contender import EDGE
from parley_testing.edge_bench.delta_writer import Written
from parley_testing.edge_bench.devices import attach_all
from parley_testing.edge_bench.edge_server import UNLIMITED, EdgeServer, edge
from parley_testing.edge_bench.figures import Aim, Report
from parley_testing.edge_bench.graph import RATE, SECONDS
from parley_testing.edge_bench.latencies import Latencies
from parley_testing.edge_bench.pace import ON_TIME, until, without_collector
from parley_testing.edge_bench.readers import Reader
from parley_testing.edge_bench.stopwatch import Stopwatch, Used
from parley_testing.ports import free_port
from parley_testing.processes import ServiceProcess
from parley_testing.stack import ablated

PER_CPU_SECOND = Aim(least=20_000)
_LAST_WITHIN = 15.0


@dataclass(frozen=True, slots=True)
class Deltas:
    """`turns` at `rate` deltas a second for `seconds`, written through a worker's adapter.

    `worker_turns`: how many a real worker has at once, whose CPU is measured.
    """

    turns: int = 500
    rate: float = 25
    seconds: float = 10.0
    worker_turns: int = 20


async def deltas(size: Deltas) -> Report:
    """Once as many as are asked for, once as many as a worker on a shared core can write."""
    report = Report(
        "deltas",
        f"{size.turns} turns at {size.rate:g} deltas a second written through the worker's adapter,"
        f" and {size.worker_turns} by a real worker; each turn has two devices",
    )
    async with edge(UNLIMITED) as server:
        await _by_writer(server, size, report)
    async with edge(UNLIMITED) as server:
        await _by_worker(server, size.worker_turns, report)
    return report


async def _by_writer(server: EdgeServer, size: Deltas, report: Report) -> None:
    latencies, load = Latencies(), f"{size.turns} turns, adapter"
    # Clients, writer and Redis are too much for the other core alone.
    cores.anywhere([server.redis_pid])
    readers = await _attached(server, size.turns, latencies, stamped=True)
    for reader in readers[: size.turns]:
        reader.say("Write.")
    args = (server.redis_url, str(size.turns), str(size.rate), str(size.seconds))
    async with _writer(*args) as writer:
        with without_collector():
            watch = Stopwatch(server.pid)
            written = await _written(writer)
            await _all_answered(readers)
            used = watch.read()
    report.expect(written.rate, least=ON_TIME * size.turns * size.rate, what=f"{load}: deltas/s")
    _judge(readers, load, report, expected=2 * written.deltas)
    _say(readers, used, load, report, aim=PER_CPU_SECOND)
    if len(latencies):
        p50, p99 = latencies.milliseconds(0.5, 0.99)
        report.add(EDGE, "p50 ms", p50, load=load)
        report.add(EDGE, "p99 ms", p99, load=load)
    report.add(EDGE, "pieces that went with the next", written.late, load=load)
    report.add(EDGE, "writer CPU us a delta", 1e6 * written.cpu / written.deltas, load=load)


async def _by_worker(server: EdgeServer, turns: int, report: Report) -> None:
    load = f"{turns} turns, worker"
    readers = await _attached(server, turns, Latencies(), stamped=False)
    async with _worker(server, turns) as worker:
        cores.for_load([worker.pid])
        watches = Stopwatch(server.pid), Stopwatch(worker.pid)
        for reader in readers[:turns]:
            reader.say("Write.")
        await _all_answered(readers)
        used, of_worker = (watch.read() for watch in watches)
    count = sum(reader.deltas for reader in readers) / 2
    _judge(readers, load, report, expected=round(2 * 0.9 * turns * RATE * SECONDS))
    _say(readers, used, load, report)
    report.add(EDGE, "worker CPU us a delta", 1e6 * of_worker.cpu / count, load=load)


async def _attached(
    server: EdgeServer, turns: int, latencies: Latencies, *, stamped: bool
) -> Sequence[Reader]:
    readers = [
        Reader(user=f"user-{user}", device=name, latencies=latencies, stamped=stamped)
        for name in ("phone", "laptop")
        for user in range(turns)
    ]
    await attach_all(readers, port=server.port)
    return readers


async def _all_answered(readers: Sequence[Reader]) -> None:
    await until(lambda: all(reader.answers for reader in readers), within=_LAST_WITHIN + SECONDS)


def _judge(readers: Sequence[Reader], load: str, report: Report, *, expected: int) -> None:
    """`expected`: deltas that all devices must have got together."""
    report.expect(sum(reader.deltas for reader in readers), least=expected, what=f"{load}: deltas")
    report.expect(sum(reader.answers for reader in readers), least=len(readers), what="answers")
    for what in ("torn", "differs"):
        count = sum(getattr(reader, what) for reader in readers)
        if count:
            report.fail(f"{load}: {what}: {count}")
    for error in [error for reader in readers for error in reader.errors][:1]:
        report.fail(f"{load}: a client was told {error}")


def _say(
    readers: Sequence[Reader], used: Used, load: str, report: Report, *, aim: Aim | None = None
) -> None:
    delivered = sum(reader.deltas for reader in readers)
    report.add(EDGE, "deliveries/CPU s", delivered / used.cpu, load=load, aim=aim)
    report.add(EDGE, "deltas/CPU s", delivered / 2 / used.cpu, load=load)
    report.add(EDGE, "deltas/s", delivered / 2 / used.wall, load=load)
    report.add(EDGE, "CPU us a delta", 2e6 * used.cpu / delivered, load=load)
    report.add_used(EDGE, used, load=load)


@asynccontextmanager
async def _writer(*args: str) -> AsyncIterator[Process]:
    module = f"{__package__}.delta_writer"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *args, stdin=PIPE, stdout=PIPE
    )
    try:
        cores.anywhere([process.pid])
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _written(writer: Process) -> Written:
    """Raises `msgspec.DecodeError` if it ended without a word."""
    if writer.stdin is None or writer.stdout is None:
        raise ValueError("the writer was started without its pipes")
    await writer.stdout.readline()
    writer.stdin.write(b"go\n")
    return msgspec.json.decode(await writer.stdout.readline(), type=Written)


def _worker(server: EdgeServer, turns: int) -> ServiceProcess:
    env = {
        **ablated(None),
        "REDIS_URL": server.redis_url,
        "HTTP_PORT": str(free_port()),
        "SERVER_ID": "worker-1",
        "PARLEY_GRAPH": "parley_testing.edge_bench.graph:writing",
        "MAX_RUNNING_TURNS": str(max(64, turns)),
    }
    return ServiceProcess("parley_conversation", admin_port=free_port(), env=env)
