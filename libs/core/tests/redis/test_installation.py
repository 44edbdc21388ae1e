from __future__ import annotations

import pytest

from parley_core.domain.errors import PermanentError
from parley_core.domain.ids import PARTITIONS
from parley_core.redis.client import RedisClient
from parley_core.redis.installation import join_installation
from parley_core.redis.keys import Keys


async def test_whoever_comes_first_writes_the_number_of_partitions(
    any_redis_client: RedisClient, keys: Keys
) -> None:
    await join_installation(any_redis_client, keys)
    await join_installation(any_redis_client, keys)

    stored = await any_redis_client.command("HGET", keys.config, "partitions", key=keys.config)
    assert int(stored) == PARTITIONS


async def test_data_with_another_number_of_partitions_is_refused(
    any_redis_client: RedisClient, keys: Keys
) -> None:
    await any_redis_client.command("HSET", keys.config, "partitions", 32, key=keys.config)

    with pytest.raises(PermanentError, match="has 32 partitions"):
        await join_installation(any_redis_client, keys)
