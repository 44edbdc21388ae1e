"""What a conversation's log still knows when its checkpoint is gone."""

from __future__ import annotations

from typing import Protocol

import msgspec

from parley_conversation.domain.rebuild import rebuilt
from parley_conversation.domain.said import Said
from parley_core.domain import limits, server_frames
from parley_core.domain.events import Event
from parley_core.domain.ids import Seq, SessionId, TurnId


class Log(Protocol):
    """The part of `ports.Conversations` that is read here."""

    async def history(
        self, session: SessionId, *, before: Seq | None, limit: int
    ) -> tuple[tuple[Event, ...], bool]:
        """As in `ports.Conversations`."""
        ...


async def remembered(log: Log, session: SessionId, *, before: TurnId) -> tuple[Said, ...]:
    """The messages of all answered turns, oldest first. Raises `Unavailable`.

    Reads the whole log, which the store bounds (`MAX_MESSAGES_PER_SESSION`).
    """
    pages: list[tuple[Event, ...]] = []
    more, oldest = True, None
    while more:
        page, more = await log.history(session, before=oldest, limit=limits.HISTORY)
        if not page:
            break
        pages.append(page)
        oldest = page[0].seq
    events = (event for page in reversed(pages) for event in page)
    return rebuilt((frame for event in events for frame in _decoded(event)), before=before)


def _decoded(event: Event) -> tuple[server_frames.AnyServerFrame, ...]:
    try:
        return (server_frames.decode(event.body),)
    except msgspec.DecodeError:  # a type that a newer release wrote
        return ()
