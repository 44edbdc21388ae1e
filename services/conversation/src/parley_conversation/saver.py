"""The checkpointer as runs use it: patient while Redis is away, final when the lease is gone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    DeltaChannelHistory,
)

from parley_checkpoint import AsyncRedisCheckpointer, Fence, StaleToken
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
    """

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """As in the base class."""
        read = super().aget_tuple
        return await _guarded(config, lambda: read(config))

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """As in the base class."""
        put = super().aput
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
        await _guarded(config, lambda: put(config, writes, task_id, task_path))

    async def arewind(self, config: RunnableConfig) -> None:
        """As in the base class."""
        rewind = super().arewind
        await _guarded(config, lambda: rewind(config))

    async def aget_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        """As in the base class."""
        read = super().aget_delta_channel_history
        return await _guarded(config, lambda: read(config=config, channels=channels))


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
