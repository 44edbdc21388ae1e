"""How long sessions with work have waited for a worker: the sign that there are too few."""

from __future__ import annotations

import asyncio

from parley_core.domain.ids import PARTITIONS, Partition
from parley_core.redis.client import RedisClient
from parley_core.redis.keys import Keys


async def oldest_wait(client: RedisClient, keys: Keys) -> float:
    """Seconds since the session that has waited longest became ready; 0 if none waits.

    By Redis's clock, in one round trip. Raises `Unavailable`.
    """
    ready = [keys.partition(Partition(number)).ready for number in range(PARTITIONS)]
    (seconds, microseconds), *heads = await asyncio.gather(
        client.command("TIME"),
        *(client.command("ZRANGE", key, 0, 0, "WITHSCORES", key=key) for key in ready),
    )
    now = int(seconds) + int(microseconds) / 1e6
    since = [float(head[1]) / 1000 for head in heads if head]
    return max(0.0, now - min(since, default=now))
