"""The checkpointer as runs use it: patient while Redis is away, final when the lease is gone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar, Unpack
from weakref import WeakKeyDictionary

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    DeltaChannelHistory,
)

from parley_checkpoint import AsyncRedisCheckpointer, Executor, Fence, StaleToken
from parley_checkpoint.redis_py import Client
from parley_checkpoint.saver import Options
from parley_conversation.patience import until_answered
from parley_conversation.run import Run
from parley_core.domain.events import Lease
from parley_core.domain.ids import Partition, session_partition
from parley_core.redis.keys import Keys

# Two underscores in front keep it out of every checkpoint's metadata.
_RUN = "__run"

Reply = TypeVar("Reply")


def run_settings(run: Run, keys: Keys) -> dict[str, Any]:
    """What a run's `configurable` must hold: its fence, and the run itself for `RunSaver`."""
    lease = run.lease
    fence = Fence(keys.partition(_partition(lease)).leases, lease.session, lease.token)
    return {**fence.configurable(), _RUN: run}


class RunSaver(AsyncRedisCheckpointer):
    """Repeats what Redis did not answer, and ends a run whose write was refused.

    LangGraph writes in the background: left to itself it would notice a refused put at the end of
    the step and refused writes at the end of the run.

    The newest checkpoint that a run has read is handed to its next reader without another read, as
    long as the run has written nothing: under its lease nobody else writes, and if the lease is
    lost, the first write is refused. A turn reads it twice, we and then LangGraph, and reading a
    long conversation takes longer than all else that a turn costs here.
    """

    def __init__(self, client: Executor | Client, **options: Unpack[Options]) -> None:
        super().__init__(client, **options)
        self._read: WeakKeyDictionary[Run, CheckpointTuple] = WeakKeyDictionary()

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """As in the base class."""
        read, run = super().aget_tuple, config["configurable"].get(_RUN)
        if run is None or not _is_newest(config):
            return await _guarded(config, lambda: read(config))
        if (known := self._read.pop(run, None)) is not None:
            return known
        found = await _guarded(config, lambda: read(config))
        # Whoever applies pending writes may change the values that they belong to.
        if found is not None and not found.pending_writes:
            self._read[run] = found
        return found

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """As in the base class."""
        put = super().aput
        self._forget(config)
        return await _guarded(config, lambda: put(config, checkpoint, metadata, new_versions))

    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """As in the base class."""
        put = super().aput_writes
        self._forget(config)
        await _guarded(config, lambda: put(config, writes, task_id, task_path))

    async def arewind(self, config: RunnableConfig) -> None:
        """As in the base class."""
        rewind = super().arewind
        self._forget(config)
        await _guarded(config, lambda: rewind(config))

    async def aget_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        """As in the base class."""
        read = super().aget_delta_channel_history
        return await _guarded(config, lambda: read(config=config, channels=channels))

    def _forget(self, config: RunnableConfig) -> None:
        if run := config["configurable"].get(_RUN):
            self._read.pop(run, None)


def _is_newest(config: RunnableConfig) -> bool:
    """Whether it asks for the newest checkpoint of the graph itself."""
    asked = config["configurable"]
    return not asked.get("checkpoint_id") and not asked.get("checkpoint_ns")


async def _guarded(config: RunnableConfig, call: Callable[[], Awaitable[Reply]]) -> Reply:
    run: Run | None = config["configurable"].get(_RUN)
    if run is None:
        return await call()
    try:
        return await until_answered(call, is_over=lambda: run.is_over)
    except StaleToken:
        run.lose()
        raise


def _partition(lease: Lease) -> Partition:
    partition = session_partition(lease.session)
    if partition is None:
        raise StaleToken(f"no partition is named by session {lease.session!r}")
    return partition
