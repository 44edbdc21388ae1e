"""redis-py's clients as they are given, and the ones that are made from a URL."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import empty_checkpoint
from redis import Redis as SyncRedis
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError

from parley_checkpoint import AsyncRedisCheckpointer, RedisCheckpointer
from parley_checkpoint.redis_py import Client
from parley_checkpoint.redis_py_sync import Client as SyncClient
from parley_checkpoint.scripts import every_script
from parley_testing.ports import free_port

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


async def test_the_calls_of_one_tick_are_one_round_trip(redis_url: str, prefix: str) -> None:
    async with Redis.from_url(redis_url) as client:
        checkpointer = AsyncRedisCheckpointer(client, prefix=prefix)
        place = await checkpointer.aput(CONFIG, empty_checkpoint(), {}, {})
        await checkpointer.aput_writes(place, [("a", 0)], "task")
        sent: list[int] = []
        connection: Any = client.connection_pool._available_connections[0]
        send = connection.send_packed_command

        async def noting(command: list[bytes], **options: Any) -> None:
            sent.append(b"".join(command).count(b"EVALSHA"))
            await send(command, **options)

        connection.send_packed_command = noting
        writes = [checkpointer.aput_writes(place, [("a", n)], f"task-{n}") for n in range(9)]
        await asyncio.gather(*writes, checkpointer.aput(place, empty_checkpoint(), {}, {}))

    assert sent == [10]


async def test_calls_whose_script_was_forgotten_keep_their_order(
    checkpointer: AsyncRedisCheckpointer, redis: Client
) -> None:
    place = await checkpointer.aput(CONFIG, empty_checkpoint(), {}, {})
    await redis.script_flush()
    await checkpointer.aget_tuple(CONFIG)

    # Of these only the last one's script is known.
    _, found = await asyncio.gather(
        checkpointer.aput_writes(place, [("a", 1)], "task"), checkpointer.aget_tuple(CONFIG)
    )

    assert found is not None
    assert found.pending_writes == [("task", "a", 1)]


async def test_a_caller_that_has_gone_stops_no_other_call(
    checkpointer: AsyncRedisCheckpointer,
) -> None:
    one = asyncio.ensure_future(checkpointer.aput(CONFIG, empty_checkpoint(), {}, {}))
    other = asyncio.ensure_future(checkpointer.aput(CONFIG, empty_checkpoint(), {}, {}))
    await asyncio.sleep(0)

    one.cancel()

    place = await other
    assert await checkpointer.aget_tuple(place) is not None
    with pytest.raises(asyncio.CancelledError):
        await one


async def test_an_absent_server_is_told_to_every_caller(prefix: str) -> None:
    nowhere = Redis(host="127.0.0.1", port=free_port(), retry=Retry(NoBackoff(), 0))
    checkpointer = AsyncRedisCheckpointer(nowhere, prefix=prefix)

    told = await asyncio.gather(
        *(checkpointer.aget_tuple(CONFIG) for _ in range(3)), return_exceptions=True
    )

    assert [type(each) for each in told] == [RedisConnectionError] * 3
    await nowhere.aclose()


def test_a_url_is_enough_without_asyncio(any_redis_url: str, prefix: str) -> None:
    checkpoint = empty_checkpoint()

    with RedisCheckpointer.from_conn_string(any_redis_url, prefix=prefix) as one:
        one.put(CONFIG, checkpoint, {}, {})
    with RedisCheckpointer.from_conn_string(any_redis_url, prefix=prefix) as other:
        found = other.get_tuple(CONFIG)

    assert found is not None
    assert found.checkpoint == checkpoint


def test_a_client_without_asyncio_that_decodes_replies_is_refused(any_redis_url: str) -> None:
    with (
        SyncRedis.from_url(any_redis_url, decode_responses=True) as client,
        pytest.raises(ValueError, match="decode_responses=False"),
    ):
        RedisCheckpointer(client)


def test_without_asyncio_forgotten_scripts_are_told_again_too(
    sync_checkpointer: RedisCheckpointer, sync_redis: SyncClient
) -> None:
    sync_checkpointer.put(CONFIG, empty_checkpoint(), {}, {})
    sync_redis.script_flush()

    sync_checkpointer.put(CONFIG, empty_checkpoint(), {}, {})

    assert len(list(sync_checkpointer.list(None))) == 2
