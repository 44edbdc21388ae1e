"""Which threads and checkpoints a listing asks for."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING

from parley_checkpoint.place import Place
from parley_checkpoint.ports import KeyFinder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from langchain_core.runnables import RunnableConfig

    from parley_checkpoint.keys import Names
    from parley_checkpoint.ports import Executor


async def find_threads(
    executor: Executor, names: Names, config: RunnableConfig | None
) -> AsyncIterator[str]:
    """The config's thread, or every one under the prefix.

    Raises TypeError if the executor cannot look for keys.
    """
    if config is not None:
        yield str(config["configurable"]["thread_id"])
        return
    if not isinstance(executor, KeyFinder):
        raise TypeError("expected a thread_id: this executor cannot look through all threads")
    seen = set()
    async for key in executor.find_keys(names.pattern):
        thread = names.thread_of(key.decode())
        if thread not in seen:
            seen.add(thread)
            yield thread


def places_of(
    thread: str,
    members: Iterable[bytes],
    *,
    config: RunnableConfig | None,
    before: RunnableConfig | None,
) -> list[Place]:
    """Those of an index's members that are asked for: by namespace, the newest first in each."""
    wanted = config["configurable"] if config is not None else {}
    namespace, checkpoint = wanted.get("checkpoint_ns"), wanted.get("checkpoint_id")
    end = before["configurable"].get("checkpoint_id") if before is not None else None
    found = [
        place
        for place in (_place(thread, member) for member in members)
        if namespace in (None, place.namespace)
        and (not checkpoint or place.checkpoint == checkpoint)
        and (not end or (place.checkpoint or "") < end)
    ]
    found.sort(key=attrgetter("checkpoint"), reverse=True)
    found.sort(key=attrgetter("namespace"))
    return found


def _place(thread: str, member: bytes) -> Place:
    namespace, _, checkpoint = member.decode().partition("\0")
    return Place(thread, namespace, checkpoint)
