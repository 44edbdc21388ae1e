"""The twin of `AsyncRedisCheckpointer` for programs without asyncio."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar, Unpack

from langgraph.checkpoint.base import (
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
)

from parley_checkpoint.redis_py_sync import Client, RedisPyAnswers, connect
from parley_checkpoint.requests import Steps
from parley_checkpoint.saver import Options, Saver, missing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from langchain_core.runnables import RunnableConfig
    from langgraph.checkpoint.base import DeltaChannelHistory

Result = TypeVar("Result")


class RedisCheckpointer(Saver):
    """As `AsyncRedisCheckpointer`, whose methods say what each of these guarantees.

    Both may be used on the same threads. Threads of one process may share one of these.
    """

    twin = "AsyncRedisCheckpointer"

    def __init__(self, client: Client, **options: Unpack[Options]) -> None:
        super().__init__(**options)
        self._redis = RedisPyAnswers(client)

    @classmethod
    @contextmanager
    def from_conn_string(cls, url: str, **options: Unpack[Options]) -> Iterator[RedisCheckpointer]:
        """One with a connection of its own to the server or Cluster at `url`."""
        client = connect(url)
        try:
            yield cls(client, **options)
        finally:
            client.close()

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        return self._run(self._operations.put(config, checkpoint, metadata, new_versions))

    def put_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        self._run(self._operations.put_writes(config, writes, task_id, task_path))

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        return self._run(self._operations.get_tuple(config))

    def list(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> Iterator[CheckpointTuple]:
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
                reply = self._redis.answer(step)

    def delete_thread(self, thread_id: str) -> None:
        self._run(self._operations.delete_thread(thread_id))

    def delete_for_runs(self, run_ids: Sequence[str]) -> None:
        self._run(self._operations.delete_for_runs(run_ids))

    def copy_thread(
        self, source_thread_id: str, target_thread_id: str, *, until: str | None = None
    ) -> None:
        self._run(self._operations.copy_thread(source_thread_id, target_thread_id, until=until))

    def prune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        self._run(self._operations.prune(thread_ids, strategy=strategy))

    def rewind(self, config: RunnableConfig) -> None:
        self._run(self._operations.rewind(config))

    def get_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        return self._run(self._operations.get_delta_channel_history(config, channels))

    def _run(self, steps: Steps[Result]) -> Result:
        reply = None
        while True:
            try:
                request = steps.send(reply)
            except StopIteration as end:
                result: Result = end.value
                return result
            reply = self._redis.answer(request)

    aget_tuple = missing("aget_tuple")
    aput = missing("aput")
    aput_writes = missing("aput_writes")
    adelete_thread = missing("adelete_thread")
    adelete_for_runs = missing("adelete_for_runs")
    acopy_thread = missing("acopy_thread")
    aprune = missing("aprune")
    aget_delta_channel_history = missing("aget_delta_channel_history")
    alist = missing("alist")
