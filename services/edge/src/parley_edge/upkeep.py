"""Reads and renewals that sessions of attached connections need now and then.

One owned task works through what was asked for; a session is asked for at most once at a time, so
the queue is bounded by the sessions that this process hears.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import islice

import structlog

from parley_core.domain.changes import RolesChanged
from parley_core.domain.errors import Unavailable
from parley_core.domain.ids import SessionId, UserId
from parley_core.ports import Conversations, Memberships
from parley_edge.listener import Listener
from parley_edge.subscriptions import Channel

log = structlog.get_logger(__name__)

_BATCH = 500
"""Calls that leave in one pipeline."""
_PAUSE = 0.5
"""Seconds to wait after Redis was away."""

Job = Callable[[], Awaitable[None]]


class Upkeep:
    """What is due, by name."""

    def __init__(self, conversations: Conversations, memberships: Memberships) -> None:
        self._conversations = conversations
        self._memberships = memberships
        self._due: dict[str, Job] = {}
        self._wake = asyncio.Event()

    def compare(self, channel: Channel[Listener]) -> None:
        """Let the session's connections compare their position with the log's newest event."""

        async def read_top() -> None:
            session = next((listener.session for listener in channel.members), None)
            if session is None:
                return
            people = frozenset[UserId]().union(*(each.people for each in channel.members))
            # That somebody is out may have been missed as well.
            top, roles = await asyncio.gather(
                self._conversations.top(session), self._memberships.roles(session, people)
            )
            for listener in tuple(channel.members):
                if top is not None:
                    listener.changed(RolesChanged(roles))
                listener.compare(top)

        self._add(f"compare {channel.name}", read_top)

    def touch(self, session: SessionId, *, user: UserId) -> None:
        """Keep the session alive."""
        self._add(f"touch {session}", lambda: self._conversations.touch(session, user=user))

    async def run(self) -> None:
        """Until cancelled. What fails because Redis is away stays due."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._due:
                await self._work_off(dict(islice(self._due.items(), _BATCH)))

    async def _work_off(self, batch: dict[str, Job]) -> None:
        for name in batch:
            del self._due[name]
        results = await asyncio.gather(*(job() for job in batch.values()), return_exceptions=True)
        for (name, job), result in zip(batch.items(), results, strict=True):
            if isinstance(result, Unavailable):
                self._due.setdefault(name, job)
            elif isinstance(result, BaseException):
                log.error("upkeep failed", job=name, exc_info=result)
        if any(isinstance(result, Unavailable) for result in results):
            await asyncio.sleep(_PAUSE)

    def _add(self, name: str, job: Job) -> None:
        self._due.setdefault(name, job)
        self._wake.set()
