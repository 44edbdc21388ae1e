"""Redis's clock, the one that decides."""

from __future__ import annotations

from parley_core.redis.client import RedisClient


async def redis_time(client: RedisClient, *, key: str | None = None) -> int:
    """Unix time in milliseconds; of the node that holds `key`, or of any."""
    return milliseconds(await client.command("TIME", key=key))


def milliseconds(reply: list[bytes]) -> int:
    """What TIME replied, in milliseconds."""
    seconds, microseconds = reply
    return int(seconds) * 1000 + int(microseconds) // 1000
