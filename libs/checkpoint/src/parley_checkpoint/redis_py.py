"""redis-py's asyncio clients as an `Executor`, for programs without one of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from redis.asyncio import Redis, RedisCluster
from redis.exceptions import NoScriptError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from parley_checkpoint.ports import Argument
    from parley_checkpoint.scripts import Script

Client = Redis | RedisCluster


class RedisPyExecutor:
    """Raises redis-py's own errors. The client stays its owner's to close."""

    def __init__(self, client: Client) -> None:
        if client.get_encoder().decode_responses:
            raise ValueError("expected a Redis client made with decode_responses=False")
        self._client = client

    async def command(self, *args: Argument, key: str | None = None) -> object:  # noqa: ARG002 (redis-py finds it)
        return await self._client.execute_command(*args)

    async def script(self, script: Script, keys: Sequence[str], args: Sequence[Argument]) -> object:
        rest = (len(keys), *keys, *args)
        try:
            return await self._client.execute_command("EVALSHA", script.sha, *rest)
        except NoScriptError:
            return await self._client.execute_command("EVAL", script.source, *rest)

    async def find_keys(self, pattern: str) -> AsyncIterator[bytes]:
        async for key in self._client.scan_iter(match=pattern, count=1000):
            yield key


async def connect(url: str) -> Client:
    """A client for the server at `url`, or for the Cluster that it belongs to."""
    client = Redis.from_url(url)
    info = await client.info("server")
    if info["redis_mode"] != "cluster":
        return client
    await client.aclose()
    return RedisCluster.from_url(url)
