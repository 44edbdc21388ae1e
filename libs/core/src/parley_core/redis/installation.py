"""What all processes of one installation must agree on; whoever starts first writes it down."""

from __future__ import annotations

from parley_core.domain.errors import PermanentError
from parley_core.domain.ids import PARTITIONS
from parley_core.redis.client import RedisClient
from parley_core.redis.keys import Keys
from parley_core.telemetry import redis_info


async def join_installation(client: RedisClient, keys: Keys) -> None:
    """Tell the metrics which Redis this is. Call once, before anything else is written.

    Raises `PermanentError` if the data under this prefix is cut into another number of partitions:
    a session would be looked for where it is not. Raises `Unavailable`.
    """
    redis_info.labels(version=".".join(map(str, client.version))).set(1)
    written = client.command("HSETNX", keys.config, "partitions", PARTITIONS, key=keys.config)
    read = client.command("HGET", keys.config, "partitions", key=keys.config)
    await written
    partitions = int(await read)
    if partitions != PARTITIONS:
        raise PermanentError(
            f"The data under KEY_PREFIX {keys.prefix} has {partitions} partitions, this version"
            f" works with {PARTITIONS}. Start the version that wrote it, or use another KEY_PREFIX."
        )
