"""What a conversation's log still knows when its checkpoint is gone."""

from __future__ import annotations

from typing import Protocol

import msgspec

from parley_conversation.domain.hearing import overheard
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


async def remembered(
    log: Log, session: SessionId, *, before: TurnId, named: bool = False
) -> tuple[Said, ...]:
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
    frames = (frame for event in events for frame in _decoded(event))
    return rebuilt(frames, before=before, named=named)


async def overheard_before(log: Log, session: SessionId, *, seq: Seq) -> tuple[Said, ...]:
    """What was said before the input at `seq` and not to the agent. Raises `Unavailable`.

    As far as one page of the log reaches back: people may talk for as long as they like.
    """
    page, _ = await log.history(session, before=seq, limit=limits.HISTORY)
    return overheard(frame for event in page for frame in _decoded(event))


def _decoded(event: Event) -> tuple[server_frames.AnyServerFrame, ...]:
    try:
        return (server_frames.decode(event.body),)
    except msgspec.DecodeError:  # a type that a newer release wrote
        return ()
