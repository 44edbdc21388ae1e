"""Letting time pass in Redis without waiting for it: what is due comes nearer."""

from __future__ import annotations

import asyncio

from parley_core.redis.client import RedisClient
from parley_core.redis.keys import Keys


async def let_pass(seconds: float, *, client: RedisClient, keys: Keys) -> None:
    """As if `seconds` had gone by for who is leaving, which process lives, and who is barred."""
    ms = round(seconds * 1000)
    names = keys.partitions()
    zsets = [name for each in names for name in (each.leaving, each.barred)] + [keys.processes]
    await asyncio.gather(*(_age(zset, ms, client) for zset in zsets))


async def _age(zset: str, ms: int, client: RedisClient) -> None:
    members = await client.command("ZRANGE", zset, 0, -1, "WITHSCORES", key=zset)
    for member, score in zip(members[::2], members[1::2], strict=True):
        # The score of a reaped process is minus a time, that of a condemned one is 0.
        towards = (float(score) < 0) - (float(score) > 0)
        await client.command("ZINCRBY", zset, towards * ms, member, key=zset)
