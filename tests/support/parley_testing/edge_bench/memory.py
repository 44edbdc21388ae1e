"""Idle connections: what one costs in memory, of the server and of its Redis."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from dataclasses import dataclass

import redis.asyncio as redis

from parley_testing.edge_bench import meter
from parley_testing.edge_bench.contender import CENTRIFUGO, EDGE, PLAIN, Contender
from parley_testing.edge_bench.contenders import compared
from parley_testing.edge_bench.devices import Device, attach_all, leave_all
from parley_testing.edge_bench.figures import Aim, Report
from parley_testing.edge_bench.latencies import Latencies

SERVER_KB = Aim(most=30)
REDIS_KB = Aim(most=1)
_FIRST = 100
"""Connections that are opened and closed before memory is read: what is made once is made then."""
_REST = 5.0
"""Seconds that connections are idle before memory is read."""
_KB = 1000.0
_OF_THE_SESSION = re.compile(rb":(meta|log|ids|mail|live|seen|ckpt|user):")
"""Keys that stay when a connection goes."""


@dataclass(frozen=True, slots=True)
class Memory:
    """`connections`: each of a user of its own."""

    connections: int = 5000
    servers: tuple[str, ...] = (EDGE, PLAIN, CENTRIFUGO)


async def memory(size: Memory) -> Report:
    """The edge as `make up` configures it, and what one would write without it."""
    report = Report(
        "memory",
        f"{size.connections} idle connections, each attached to a session of its own; KB are 1000"
        f" bytes; server: PSS less that after {_FIRST} were opened and closed",
    )
    async for contender in compared(size.servers, env={}, report=report):
        await _measure(contender, size, report)
    return report


async def _measure(contender: Contender, size: Memory, report: Report) -> None:
    first = _devices(contender, _FIRST, prefix="first")
    await attach_all(first, port=contender.port)
    await leave_all(first)
    await asyncio.sleep(_REST)
    before = meter.memory(contender.pid)
    kept = await kept_in_redis(contender.redis_url)
    devices = _devices(contender, size.connections, prefix="idle")
    await attach_all(devices, port=contender.port)
    await asyncio.sleep(_REST)
    gone = [device for device in devices if device.closed.done()]
    if gone:
        report.fail(f"{contender.name}: {len(gone)} connections did not stay")
    grown = meter.memory(contender.pid) - before
    in_redis = await kept_in_redis(contender.redis_url) - kept
    _say(contender.name, grown, in_redis, size, report)
    for device in devices:
        device.abort()


def _say(name: str, grown: int, in_redis: Kept, size: Memory, report: Report) -> None:
    ours = name == EDGE
    each = _KB * size.connections
    report.add(name, "server KB each", grown / each, aim=SERVER_KB if ours else None)
    aim = REDIS_KB if ours else None
    report.add(name, "Redis KB each, beside its session", in_redis.beside / each, aim=aim)
    if ours:
        report.add(name, "Redis KB each, its session", in_redis.sessions / each)
        report.add(name, "Redis KB in all, hints for presence", in_redis.hints / _KB)


def _devices(contender: Contender, count: int, *, prefix: str) -> list[Device]:
    latencies = Latencies()
    return [contender.device(f"{prefix}-{number}", "phone", latencies) for number in range(count)]


@dataclass(frozen=True, slots=True)
class Kept:
    """Bytes in Redis: of sessions, of a list of hints that has a bound, and of all the rest.

    The rest is what connections need: where users are online, which connections a process has,
    channels that are subscribed to, and the table of all keys.
    """

    sessions: int
    hints: int
    beside: int

    def __sub__(self, other: Kept) -> Kept:
        return Kept(
            self.sessions - other.sessions, self.hints - other.hints, self.beside - other.beside
        )


async def kept_in_redis(url: str) -> Kept:
    """What there is now, without the buffers of those who are connected to Redis."""
    async with redis.from_url(url) as server:
        info = await server.info("memory")
        sizes: Counter[str] = Counter()
        async for key in server.scan_iter(count=1000):
            sizes[_kind(key)] += await server.memory_usage(key, samples=0) or 0
    used = info["used_memory"] - info["mem_clients_normal"]
    return Kept(
        sessions=sizes["session"],
        hints=sizes["hint"],
        beside=used - sizes["session"] - sizes["hint"],
    )


def _kind(key: bytes) -> str:
    if _OF_THE_SESSION.search(key):
        return "session"
    return "hint" if key.endswith(b":presence") else "other"
