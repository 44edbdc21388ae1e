"""Many connections that come and go: nothing of them may stay."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import redis.asyncio as redis

from parley_testing.edge_bench import meter
from parley_testing.edge_bench.contender import EDGE
from parley_testing.edge_bench.devices import attach_all, leave_all
from parley_testing.edge_bench.edge_server import CONNECTIONS, UNLIMITED, EdgeServer, edge
from parley_testing.edge_bench.figures import Aim, Report
from parley_testing.edge_bench.latencies import Latencies

NOTHING = Aim(most=0)
GROWN_MB = Aim(most=2)
"""100 bytes a connection: what a heap of that many allocations breathes."""
_REST = 12.0
"""Seconds after which channels that nobody listens to are left, and departures are told."""


@dataclass(frozen=True, slots=True)
class Leaks:
    """`connects` in all, of so many `users`, `at_once` each time; a tenth comes before."""

    connects: int = 20_000
    users: int = 500
    at_once: int = 100


@dataclass(frozen=True, slots=True)
class Held:
    """What the edge holds, and Redis for it, when nobody is connected."""

    memory: int
    files: int
    connections: int
    tasks: int
    subscriptions: int
    channels: int
    keys: int


async def leaks(size: Leaks) -> Report:
    """Each connection authenticates, follows its session, and leaves in order."""
    report = Report(
        "leaks",
        f"{size.connects} times connected, attached and left, by {size.users} users; what had grown"
        f" {_REST:g} s after the last, since {_REST:g} s after the first tenth as many",
    )
    async with edge(UNLIMITED) as server:
        await _come_and_go(server, size, count=max(size.users, size.connects // 10))
        before = await _held(server)
        await _come_and_go(server, size, count=size.connects)
        after = await _held(server)
    report.add(EDGE, "PSS MB before", before.memory / 1e6)
    report.add(EDGE, "PSS MB grown", (after.memory - before.memory) / 1e6, aim=GROWN_MB)
    for what, field in (
        ("open files", "files"),
        ("connections counted", "connections"),
        ("tasks", "tasks"),
        ("channels it hears", "subscriptions"),
        ("channels in Redis", "channels"),
        ("keys in Redis", "keys"),
    ):
        grown = getattr(after, field) - getattr(before, field)
        report.add(EDGE, f"{what}, before", getattr(before, field))
        report.add(EDGE, f"{what}, grown", grown, aim=NOTHING)
    return report


async def _come_and_go(server: EdgeServer, size: Leaks, *, count: int) -> None:
    latencies = Latencies()
    for start in range(0, count, size.at_once):
        devices = [
            server.device(f"user-{number % size.users}", f"device-{number}", latencies)
            for number in range(start, min(count, start + size.at_once))
        ]
        await attach_all(devices, port=server.port)
        await leave_all(devices)
    await asyncio.sleep(_REST)


async def _held(server: EdgeServer) -> Held:
    async with redis.from_url(server.redis_url) as store:
        return Held(
            memory=meter.memory(server.pid),
            files=meter.open_files(server.pid),
            connections=await server.gauge(CONNECTIONS),
            tasks=await server.gauge("parley_edge_tasks"),
            subscriptions=await server.gauge("parley_edge_subscriptions"),
            channels=len(await store.pubsub_channels()),
            keys=await store.dbsize(),
        )
