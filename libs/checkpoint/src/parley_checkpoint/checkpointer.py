"""LangGraph's checkpointer over an `Executor`: one script for each operation."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar, Unpack

from langgraph.checkpoint.base import (
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
)
from redis.asyncio import Redis, RedisCluster

from parley_checkpoint.ports import KeyFinder
from parley_checkpoint.redis_py import Client, RedisPyExecutor, connect
from parley_checkpoint.requests import FindKeys, Request, RunCommand, Steps
from parley_checkpoint.saver import Options, Saver, missing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from langchain_core.runnables import RunnableConfig
    from langgraph.checkpoint.base import DeltaChannelHistory

    from parley_checkpoint.ports import Executor

Result = TypeVar("Result")


class AsyncRedisCheckpointer(Saver):
    """Keeps a thread's checkpoints in four keys that share a hash tag.

    Every operation is atomic and may be repeated. With a `Fence` in the run's `configurable`, a
    put, writes or a rewind under another token raises `StaleToken` and changes nothing. What the
    executor raises goes through. For use without asyncio there is `RedisCheckpointer`.
    """

    twin = "RedisCheckpointer"

    def __init__(self, client: Executor | Client, **options: Unpack[Options]) -> None:
        super().__init__(**options)
        self._executor: Executor = (
            RedisPyExecutor(client) if isinstance(client, Redis | RedisCluster) else client
        )

    @classmethod
    @asynccontextmanager
    async def from_conn_string(
        cls, url: str, **options: Unpack[Options]
    ) -> AsyncIterator[AsyncRedisCheckpointer]:
        """One with a connection of its own to the server or Cluster at `url`."""
        client = await connect(url)
        try:
            yield cls(client, **options)
        finally:
            await client.aclose()

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Store a checkpoint and let go of older ones. Raises `StaleToken`."""
        return await self._run(self._operations.put(config, checkpoint, metadata, new_versions))

    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Keep what a task wrote; the first of a (task, index) stays. Raises `StaleToken`."""
        await self._run(self._operations.put_writes(config, writes, task_id, task_path))

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """The checkpoint a config points at, the newest without an id: one round trip."""
        return await self._run(self._operations.get_tuple(config))

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """Newest first within each namespace. Without a config all threads, found by a scan."""
        steps = self._operations.find(config, filter=filter, before=before, limit=limit)
        reply = None
        while True:
            try:
                step = steps.send(reply)
            except StopIteration:
                return
            if isinstance(step, CheckpointTuple):
                yield step
                reply = None
            else:
                reply = await self._answer(step)

    async def adelete_thread(self, thread_id: str) -> None:
        """Forget a thread. There is no fence here: it is for whoever may end the conversation."""
        await self._run(self._operations.delete_thread(thread_id))

    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Forget what these runs wrote in any thread, which a scan finds.

        A checkpoint whose delta channels need one of these loses their values with it.
        """
        await self._run(self._operations.delete_for_runs(run_ids))

    async def acopy_thread(
        self, source_thread_id: str, target_thread_id: str, *, until: str | None = None
    ) -> None:
        """Put a copy of a thread in the place of another: checkpoints, writes, all namespaces.

        With `until`, a checkpoint's id, later checkpoints are left out. Both steps, reading one
        thread and writing the other, are atomic. Raises LookupError if `until` is not there.
        """
        await self._run(
            self._operations.copy_thread(source_thread_id, target_thread_id, until=until)
        )

    async def aprune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """Keep the newest checkpoint of each namespace, and what its delta channels need; or, by
        strategy "delete", nothing."""
        await self._run(self._operations.prune(thread_ids, strategy=strategy))

    async def arewind(self, config: RunnableConfig) -> None:
        """Delete all that came after the config's checkpoint, in every namespace of the thread;
        without a `checkpoint_id` all there is. Raises `StaleToken`."""
        await self._run(self._operations.rewind(config))

    async def aget_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        """As LangGraph describes it, in one round trip."""
        return await self._run(self._operations.get_delta_channel_history(config, channels))

    async def _run(self, steps: Steps[Result]) -> Result:
        reply = None
        while True:
            try:
                request = steps.send(reply)
            except StopIteration as end:
                result: Result = end.value
                return result
            reply = await self._answer(request)

    async def _answer(self, request: Request) -> Any:
        if isinstance(request, RunCommand):
            return await self._executor.command(*request.args, key=request.key)
        if isinstance(request, FindKeys):
            if not isinstance(self._executor, KeyFinder):
                raise TypeError(
                    "expected a thread_id: this executor cannot look through all threads"
                )
            return [key async for key in self._executor.find_keys(request.pattern)]
        return await self._executor.script(request.script, request.keys, request.args)

    get_tuple = missing("get_tuple")
    put = missing("put")
    put_writes = missing("put_writes")
    delete_thread = missing("delete_thread")
    delete_for_runs = missing("delete_for_runs")
    copy_thread = missing("copy_thread")
    prune = missing("prune")
    get_delta_channel_history = missing("get_delta_channel_history")
    list = missing("list")
