"""Who came and went leaves nothing behind: memory, tasks, subscriptions, keys."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx

from parley_core.redis.client import RedisClient

ROUND = 300
"""Connections of one round, each with a text of its user."""
USERS = 50
SLACK_KB = 2_000
"""What the allocator may keep after a round that is like the one before: 7 KB a connection would
be as much again."""


async def test_connections_that_come_and_go_leave_an_edge_as_it_was(
    edge: Any, redis_client: RedisClient, prefix: str, eventually: Any
) -> None:
    await _round(edge)
    await eventually(lambda: _is_at_rest(edge), within=10.0)
    before = await _left_behind(edge, redis_client, prefix)

    for _ in range(2):
        await _round(edge)
    await eventually(lambda: _is_at_rest(edge), within=10.0)
    after = await _left_behind(edge, redis_client, prefix)

    assert after["keys"] <= before["keys"]
    assert after["tasks"] <= before["tasks"]
    assert after["kilobytes"] - before["kilobytes"] < SLACK_KB


async def _round(edge: Any) -> None:
    async def come_and_go(number: int) -> None:
        async with edge.client() as client:
            await client.auth(f"user {number % USERS}", f"device {number}", capabilities=["ack"])
            await client.text("hello", message_id=f"m{number}")
            await client.until("ack")

    for start in range(0, ROUND, USERS):
        await asyncio.gather(*(come_and_go(number) for number in range(start, start + USERS)))


async def _metric(edge: Any, name: str) -> float:
    async with httpx.AsyncClient() as client:
        lines = (await client.get(f"{edge.admin_url}/metrics")).text.splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(f"{name} "))


async def _is_at_rest(edge: Any) -> bool:
    names = ("parley_edge_connections", "parley_edge_subscriptions")
    # Broadcasts are heard for as long as the process lives.
    return [await _metric(edge, name) for name in names] == [0, 1]


async def _left_behind(edge: Any, redis: RedisClient, prefix: str) -> dict[str, float]:
    return {
        "kilobytes": _kilobytes(edge.pid),
        "tasks": await _metric(edge, "parley_edge_tasks"),
        # A bucket lives for seconds.
        "keys": sum(b":rate:" not in key for key in await redis.command("KEYS", f"{prefix}:*")),
    }


def _kilobytes(pid: int) -> int:
    """Memory of a process, its share of what others map too."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
