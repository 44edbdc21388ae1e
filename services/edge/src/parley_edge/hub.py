"""From live channels to the connections of this process, and no silence taken for peace.

Pub/sub is a hint, the log is the truth. Besides the holes that readers find themselves, a session's
connections compare their position with the log whenever frames may have been missed without a
trace: after a gap of the feed, when a seq comes that was there before (Redis lost its tail), and
after 10 s without a frame. Those who watch a user are told after a gap where the user is.
"""

from __future__ import annotations

from collections.abc import Callable

import structlog

from parley_core.domain.changes import Dropped, RolesChanged, read_change
from parley_core.domain.ids import SessionId, UserId
from parley_core.domain.live import LiveFrame, unpack
from parley_core.ports import LiveFeed
from parley_core.redis.keys import Keys
from parley_edge import metrics
from parley_edge.domain.arrival import Arrival
from parley_edge.listener import Listener, Watcher
from parley_edge.subscriptions import Channel, Subscriptions
from parley_edge.upkeep import Upkeep

log = structlog.get_logger(__name__)

SILENCE = 10.0
"""Seconds without a frame after which positions are compared."""
TOUCH = 86_400.0
"""Seconds after which a session that somebody is attached to is kept alive."""


class Hub:
    """Sessions and watched users that this process hears."""

    def __init__(
        self, feed: LiveFeed, *, keys: Keys, upkeep: Upkeep, clock: Callable[[], float]
    ) -> None:
        self._keys = keys
        self._upkeep = upkeep
        self._clock = clock
        self.sessions: Subscriptions[Listener] = Subscriptions(feed, clock=clock)
        self.watches: Subscriptions[Watcher] = Subscriptions(feed, clock=clock)
        feed.listen(on_message=self._on_message, on_gap=self._on_gap)

    async def join(self, listener: Listener) -> Channel[Listener]:
        """Returns when what is published from then on arrives. Raises `Unavailable`."""
        return await self.sessions.join(self._channel(listener.session), listener)

    def leave(self, listener: Listener) -> None:
        self.sessions.leave(self._channel(listener.session), listener)

    async def watch(self, user: UserId, watcher: Watcher) -> None:
        await self.watches.join(self._keys.watch(user), watcher)

    def unwatch(self, user: UserId, watcher: Watcher) -> None:
        self.watches.leave(self._keys.watch(user), watcher)

    async def sweep(self) -> None:
        """Once a second: what is due for sessions, and channels nobody came back to."""
        now = self._clock()
        for channel in self.sessions:
            if now - channel.heard_at >= SILENCE:
                channel.heard_at = now
                self._compare(channel)
            if now - channel.touched_at >= TOUCH:
                channel.touched_at = now
                self._touch(channel)
        await self.sessions.sweep()
        await self.watches.sweep()
        metrics.SUBSCRIPTIONS.set(len(self.sessions) + len(self.watches))

    def _channel(self, session: SessionId) -> str:
        return self._keys.session(session).channel

    def _on_message(self, name: str, data: bytes) -> None:
        channel = self.sessions.get(name)
        if channel is None:
            self._tell_watchers(name, data)
            return
        channel.heard_at = self._clock()
        try:
            change = read_change(data)
            if change is None:
                self._dispatch(channel, unpack(data))
            else:
                self._tell(channel, change)
        except ValueError as error:  # msgspec's errors too
            log.warning("a live frame cannot be read", channel=name, error=type(error).__name__)
            self._compare(channel)

    def _tell_watchers(self, name: str, data: bytes) -> None:
        channel = self.watches.get(name)
        if channel is not None:
            channel.heard_at = self._clock()
            for watcher in tuple(channel.members):  # They may leave while they are told.
                watcher.told(data)

    def _dispatch(self, channel: Channel[Listener], frame: LiveFrame) -> None:
        if _was_there_before(channel, frame):
            self._compare(channel)
        arrival = Arrival(frame)
        # Whoever steps out of a cohort while it is written to has the frame.
        singles = [listener for listener in channel.members if listener.cohort is None]
        if channel.cohorts is not None:
            channel.cohorts.arrived(arrival)
        for listener in singles:
            listener.arrived(arrival)

    def _tell(self, channel: Channel[Listener], change: RolesChanged | Dropped) -> None:
        for listener in tuple(channel.members):
            listener.changed(change)

    def _on_gap(self, names: frozenset[str]) -> None:
        for name in names:
            channel, watched = self.sessions.get(name), self.watches.get(name)
            user = self._keys.watched(name)
            if channel is not None:
                self._compare(channel)
            elif watched is not None and user is not None:
                self._upkeep.find(user, watched)

    def _compare(self, channel: Channel[Listener]) -> None:
        session = None
        for listener in channel.members:
            listener.doubt()
            session = listener.session
        if session is not None:
            self._upkeep.compare(session, channel)

    def _touch(self, channel: Channel[Listener]) -> None:
        for listener in channel.members:
            self._upkeep.touch(listener.session, user=listener.user)
            return


def _was_there_before(channel: Channel[Listener], frame: LiveFrame) -> bool:
    """Whether a log frame came at a place that this channel has passed: then a tail was lost."""
    if not frame.is_log:
        return False
    newest = channel.newest
    channel.newest = (frame.epoch, frame.seq)
    return newest is not None and newest[0] == frame.epoch and frame.seq <= newest[1]
