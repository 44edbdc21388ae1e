"""Which checkpoints of a thread a listing asks for."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING

from parley_checkpoint.place import Place

if TYPE_CHECKING:
    from collections.abc import Iterable

    from langchain_core.runnables import RunnableConfig


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
