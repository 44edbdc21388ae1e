"""A checkpointer's threads: copied for forks, forgotten when a conversation is cleared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import groupby
from typing import Any, TypeAlias

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    BaseCheckpointSaver,
    CheckpointTuple,
    PendingWrite,
)

from parley_checkpoint import AsyncRedisCheckpointer
from parley_core.domain.ids import SessionId

Saver: TypeAlias = BaseCheckpointSaver[Any]


class OwnThreads:
    """Implements `ports.Threads` with our own checkpointer, which copies a thread as it is."""

    def __init__(self, saver: AsyncRedisCheckpointer) -> None:
        self._saver = saver

    async def copy(self, source: SessionId, target: SessionId, *, until: str) -> None:
        """In the place of what the target had, which nobody else may use yet."""
        with suppress(LookupError):  # `until` was let go of meanwhile: then there is no copy
            await self._saver.acopy_thread(source, target, until=until)

    async def forget(self, thread: SessionId) -> None:
        await self._saver.adelete_thread(thread)


class SaverThreads:
    """Implements `ports.Threads` with what every LangGraph checkpointer has."""

    def __init__(self, saver: Saver) -> None:
        self._saver = saver

    async def copy(self, source: SessionId, target: SessionId, *, until: str) -> None:
        """Oldest first, as they were written: a checkpoint's values may rest on its ancestors'."""
        threads = self._saver.alist({"configurable": {"thread_id": source}})
        found = [each async for each in threads if each.checkpoint["id"] <= until]
        for each in sorted(found, key=lambda each: each.checkpoint["id"]):
            await self._put(each, target)

    async def forget(self, thread: SessionId) -> None:
        """Nothing happens where a checkpointer cannot."""
        if can_forget(self._saver):
            await self._saver.adelete_thread(thread)

    async def _put(self, found: CheckpointTuple, thread: SessionId) -> None:
        checkpoint = found.checkpoint
        namespace = found.config["configurable"].get("checkpoint_ns", "")
        parent = (found.parent_config or {}).get("configurable", {}).get("checkpoint_id")
        config = await self._saver.aput(
            _at(thread, namespace, parent),
            checkpoint,
            found.metadata,
            checkpoint["channel_versions"],
        )
        for number, (task, writes) in enumerate(_by_task(found.pending_writes or ())):
            # Where a task stood among others is not told; as the writes come in that order, their
            # place among the tasks keeps it.
            await self._saver.aput_writes(config, writes, task, f"{number:08}")


def can_forget(saver: Saver) -> bool:
    """Whether the checkpointer has a way to delete a thread."""
    return type(saver).adelete_thread is not BaseCheckpointSaver.adelete_thread


def _at(thread: SessionId, namespace: str, checkpoint: str | None) -> RunnableConfig:
    where = {"thread_id": thread, "checkpoint_ns": namespace}
    return {"configurable": where | ({"checkpoint_id": checkpoint} if checkpoint else {})}


def _by_task(writes: Sequence[PendingWrite]) -> Iterator[tuple[str, list[tuple[str, Any]]]]:
    for task, of_task in groupby(writes, key=lambda write: write[0]):
        pairs = [(channel, value) for _, channel, value in of_task]
        # A write's number is its place in the list, but for the special ones.
        yield task, sorted(pairs, key=lambda pair: pair[0] in WRITES_IDX_MAP)
