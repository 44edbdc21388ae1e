"""redis-py's clients as they are given, and the ones that are made from a URL."""

from __future__ import annotations

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import empty_checkpoint
from redis.asyncio import Redis

from parley_checkpoint import AsyncRedisCheckpointer
from parley_checkpoint.redis_py import Client
from parley_checkpoint.scripts import every_script

CONFIG: RunnableConfig = {"configurable": {"thread_id": "thread", "checkpoint_ns": ""}}


async def test_a_url_is_enough(any_redis_url: str, prefix: str) -> None:
    checkpoint = empty_checkpoint()

    async with AsyncRedisCheckpointer.from_conn_string(any_redis_url, prefix=prefix) as one:
        await one.aput(CONFIG, checkpoint, {}, {})
    async with AsyncRedisCheckpointer.from_conn_string(any_redis_url, prefix=prefix) as other:
        found = await other.aget_tuple(CONFIG)

    assert found is not None
    assert found.checkpoint == checkpoint


async def test_a_server_that_forgot_the_scripts_is_told_them_again(
    checkpointer: AsyncRedisCheckpointer, redis: Client
) -> None:
    await checkpointer.aput(CONFIG, empty_checkpoint(), {}, {})
    await redis.script_flush()

    await checkpointer.aput(CONFIG, empty_checkpoint(), {}, {})

    assert len([each async for each in checkpointer.alist(CONFIG)]) == 2


async def test_a_script_is_known_by_the_name_that_redis_gives_it(redis: Client) -> None:
    for script in every_script():
        loaded = await redis.script_load(script.source)

        assert loaded in (script.sha, script.sha.encode())


async def test_a_client_that_decodes_replies_is_refused(any_redis_url: str) -> None:
    client = Redis.from_url(any_redis_url, decode_responses=True)

    with pytest.raises(ValueError, match="decode_responses=False"):
        AsyncRedisCheckpointer(client)

    await client.aclose()
