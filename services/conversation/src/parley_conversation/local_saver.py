"""Checkpoints in the memory of one worker, which another worker's turns outdate."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import CheckpointTuple
from langgraph.checkpoint.memory import InMemorySaver

from parley_core.domain.ids import SessionId

MOST_THREADS = 1_000
"""Threads that a worker remembers; one that it forgets is rebuilt from its log."""


class Newest(NamedTuple):
    """How far a conversation has come: its epoch, and its newest answer's checkpoint or ''."""

    epoch: str
    checkpoint: str


class LocalSaver(InMemorySaver):
    """LangGraph's saver in memory, for sessions that any worker may run.

    A thread is forgotten, and so rebuilt from the log, when another worker has answered or cleared
    since: then the conversation has moved, and not to a checkpoint of this thread.
    """

    def __init__(self, newest: Callable[[SessionId], Awaitable[Newest]]) -> None:
        super().__init__()
        self._newest = newest
        self._seen: OrderedDict[str, Newest] = OrderedDict()

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """As in the base class. Raises `Unavailable`."""
        wanted = config["configurable"]
        if not wanted.get("checkpoint_id") and not wanted.get("checkpoint_ns"):
            await self._forget_if_moved(wanted["thread_id"])
        return await super().aget_tuple(config)

    async def _forget_if_moved(self, thread: str) -> None:
        newest, seen = await self._newest(SessionId(thread)), self._seen.get(thread)
        is_own = seen is not None and seen.epoch == newest.epoch and self._has(thread, newest)
        if newest != seen and not is_own:
            self.delete_thread(thread)
        self._seen[thread] = newest
        self._seen.move_to_end(thread)
        if len(self._seen) > MOST_THREADS:
            oldest, _ = self._seen.popitem(last=False)
            self.delete_thread(oldest)

    def _has(self, thread: str, newest: Newest) -> bool:
        namespaces = self.storage.get(thread, {})
        return newest.checkpoint in namespaces.get("", {})
