"""redis-py's asyncio clients as an `Executor`, for programs without one of their own."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from redis.asyncio import Redis, RedisCluster
from redis.exceptions import NoScriptError, RedisError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from parley_checkpoint.ports import Argument
    from parley_checkpoint.scripts import Script

Client = Redis | RedisCluster


@dataclass(frozen=True, slots=True)
class _Call:
    """`reply` is its caller's, who may have gone."""

    args: tuple[Argument, ...]
    slot: str
    """Calls of one slot keep their order."""
    reply: asyncio.Future[Any]
    script: Script | None = None

    @property
    def spelt_out(self) -> tuple[Argument, ...]:
        """With the script's text, which the server then knows."""
        if self.script is None:
            return self.args
        return ("EVAL", self.script.source, *self.args[2:])

    def settle(self, reply: object) -> None:
        if self.reply.done():
            return
        if isinstance(reply, BaseException):
            self.reply.set_exception(reply)
        else:
            self.reply.set_result(reply)


class RedisPyExecutor:
    """Sends the calls of one tick in one pipeline, and the next when that is answered.

    Raises redis-py's own errors. The client stays its owner's to close. redis-py has no pipelines
    of scripts for a Cluster: there each call is a round trip, and slots do not wait for each other.
    """

    def __init__(self, client: Client) -> None:
        if client.get_encoder().decode_responses:
            raise ValueError("expected a Redis client made with decode_responses=False")
        self._client = client
        self._waiting: list[_Call] = []
        self._sender: asyncio.Task[None] | None = None

    async def command(self, *args: Argument, key: str | None = None) -> Any:
        return await self._send(args, key or "")

    async def script(self, script: Script, keys: Sequence[str], args: Sequence[Argument]) -> Any:
        call = ("EVALSHA", script.sha, len(keys), *keys, *args)
        return await self._send(call, keys[0], script)

    async def find_keys(self, pattern: str) -> AsyncIterator[bytes]:
        async for key in self._client.scan_iter(match=pattern, count=1000):
            yield key

    def _send(
        self, args: tuple[Argument, ...], slot: str, script: Script | None = None
    ) -> asyncio.Future[Any]:
        loop = asyncio.get_running_loop()
        reply: asyncio.Future[Any] = loop.create_future()
        self._waiting.append(_Call(args, slot, reply, script))
        if self._sender is None or self._sender.done():
            self._sender = loop.create_task(self._send_all(), name="checkpointer's calls")
        return reply

    async def _send_all(self) -> None:
        while self._waiting:
            calls, self._waiting = self._waiting, []
            try:
                await self._send_some(calls)
            finally:
                # Those are left that this task was cancelled with, as its loop ends.
                for call in calls:
                    call.reply.cancel()

    async def _send_some(self, calls: list[_Call]) -> None:
        if isinstance(self._client, Redis):
            await self._pipelined(self._client, calls)
            return
        slots: defaultdict[str, list[_Call]] = defaultdict(list)
        for call in calls:
            slots[call.slot].append(call)
        await asyncio.gather(*(self._one_by_one(self._client, each) for each in slots.values()))

    async def _pipelined(self, client: Redis, calls: list[_Call]) -> None:
        replies = await _execute(client, [call.args for call in calls])
        for position, reply in enumerate(replies):
            if isinstance(reply, NoScriptError):
                # What came after it goes once more too, for their order: a repeat is harmless.
                rest = await _execute(client, [call.spelt_out for call in calls[position:]])
                replies[position:] = rest
                break
        for call, reply in zip(calls, replies, strict=True):
            call.settle(reply)

    async def _one_by_one(self, client: RedisCluster, calls: list[_Call]) -> None:
        for call in calls:
            try:
                call.settle(await _execute_one(client, call))
            except (OSError, RedisError) as error:
                call.settle(error)


async def _execute(client: Redis, commands: list[tuple[Argument, ...]]) -> list[Any]:
    async with client.pipeline(transaction=False) as pipeline:
        for command in commands:
            pipeline.execute_command(*command)
        try:
            replies: list[Any] = await pipeline.execute(raise_on_error=False)
        except (OSError, RedisError) as error:
            return [error] * len(commands)
        return replies


async def _execute_one(client: RedisCluster, call: _Call) -> Any:
    try:
        return await client.execute_command(*call.args)
    except NoScriptError:
        return await client.execute_command(*call.spelt_out)


async def connect(url: str) -> Client:
    """A client for the server at `url`, or for the Cluster that it belongs to."""
    client = Redis.from_url(url)
    info = await client.info("server")
    if info["redis_mode"] != "cluster":
        return client
    await client.aclose()
    return RedisCluster.from_url(url)
