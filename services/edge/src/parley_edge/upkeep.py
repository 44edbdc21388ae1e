"""Reads and renewals that attached connections need now and then: of sessions, of watched users.

One owned task works through what was asked for; a session or a user is asked for at most once at a
time, so the queue is bounded by the channels that this process hears.
"""

from __future__ import annotations

import asyncio
from itertools import islice
from typing import TypeVar

import structlog

from parley_core.domain.changes import RolesChanged
from parley_core.domain.errors import Unavailable
from parley_core.domain.events import Glance
from parley_core.domain.ids import SessionId, UserId
from parley_core.domain.presence import presence_entry, presence_frame
from parley_core.domain.server_frames import encode
from parley_core.ports import Connections, Conversations
from parley_edge.listener import Listener, Watcher
from parley_edge.subscriptions import Channel

log = structlog.get_logger(__name__)

_BATCH = 100
"""Sessions or users that are read in one pipeline, and whose connections are told in one step:
thousands that attached together are silent together, and must not hold up a text."""
_PAUSE = 0.5
"""Seconds to wait after Redis was away."""

Key = TypeVar("Key")
Value = TypeVar("Value")


class Upkeep:
    """What is due, by session and by user."""

    def __init__(self, conversations: Conversations, connections: Connections) -> None:
        self._conversations = conversations
        self._connections = connections
        self._to_compare: dict[SessionId, Channel[Listener]] = {}
        self._to_touch: dict[SessionId, UserId] = {}
        self._to_find: dict[UserId, Channel[Watcher]] = {}
        self._wake = asyncio.Event()

    def compare(self, session: SessionId, channel: Channel[Listener]) -> None:
        """Let the session's connections compare their position with the log's newest event."""
        self._to_compare.setdefault(session, channel)
        self._wake.set()

    def touch(self, session: SessionId, *, user: UserId) -> None:
        """Keep the session alive."""
        self._to_touch.setdefault(session, user)
        self._wake.set()

    def find(self, user: UserId, channel: Channel[Watcher]) -> None:
        """Tell those who watch the user where it is: that it came or went may have been missed."""
        self._to_find.setdefault(user, channel)
        self._wake.set()

    async def run(self) -> None:
        """Until cancelled. What fails because Redis is away stays due."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._to_compare or self._to_touch or self._to_find:
                done = (
                    await self._compare_some()
                    and await self._touch_some()
                    and await self._find_some()
                )
                await asyncio.sleep(0 if done else _PAUSE)

    async def _compare_some(self) -> bool:
        """Whether Redis answered for all of them."""
        batch = _taken(self._to_compare)
        glances = await self._conversations.glance(
            {session: _people(channel) for session, channel in batch.items()}
        )
        late = [name for name, glance in glances.items() if isinstance(glance, Unavailable)]
        for session in late:
            self._to_compare.setdefault(session, batch[session])
        for session, glance in glances.items():
            if isinstance(glance, Glance):
                _tell(batch[session], glance)
        return not late

    async def _touch_some(self) -> bool:
        batch = _taken(self._to_touch)
        results = await asyncio.gather(
            *(self._conversations.touch(session, user=user) for session, user in batch.items()),
            return_exceptions=True,
        )
        is_whole = True
        for (session, user), result in zip(batch.items(), results, strict=True):
            if isinstance(result, Unavailable):
                is_whole = False
                self._to_touch.setdefault(session, user)
            elif isinstance(result, BaseException):
                log.error("a session was not kept alive", exc_info=result)
        return is_whole

    async def _find_some(self) -> bool:
        batch = _taken(self._to_find)
        heard = {user: channel.heard_at for user, channel in batch.items()}
        try:
            found = await self._connections.whereabouts(tuple(batch))
        except Unavailable:
            self._to_find = batch | self._to_find
            return False
        for each in found:
            channel = batch[each.user]
            # What was heard meanwhile may be newer, and has been told.
            if channel.heard_at == heard[each.user]:
                body = encode(presence_frame(presence_entry(each)))
                for watcher in tuple(channel.members):
                    watcher.told(body)
        return True


def _taken(due: dict[Key, Value]) -> dict[Key, Value]:
    """The first of them, which are not due any more."""
    batch = dict(islice(due.items(), _BATCH))
    for key in batch:
        del due[key]
    return batch


def _people(channel: Channel[Listener]) -> frozenset[UserId]:
    return frozenset[UserId]().union(*(listener.people for listener in channel.members))


def _tell(channel: Channel[Listener], glance: Glance) -> None:
    for listener in tuple(channel.members):
        # That somebody is out may have been missed as well.
        if glance.top is not None:
            listener.changed(RolesChanged(glance.roles))
        listener.compare(glance.top)
