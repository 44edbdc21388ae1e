"""Which channels this process hears, and who in it wants them.

A channel is subscribed for its first member and stays warm for some seconds after the last one
left, so that a client that comes right back finds it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Generic, TypeVar

from parley_core.domain.errors import Unavailable
from parley_core.domain.ids import Epoch, Seq
from parley_core.ports import LiveFeed
from parley_edge.cohorts import Cohorts

LINGER = 3.0
"""Seconds that a channel outlives its last member."""

Member = TypeVar("Member")


class Channel(Generic[Member]):
    """One channel, its members, and what was heard on it."""

    __slots__ = (
        "cohorts",
        "empty_since",
        "heard_at",
        "members",
        "name",
        "newest",
        "ready",
        "touched_at",
    )

    def __init__(self, name: str, *, ready: asyncio.Future[None], now: float) -> None:
        self.name = name
        self.ready = ready
        self.members: set[Member] = set()
        self.cohorts: Cohorts | None = None
        """Set as soon as there were many members."""
        self.empty_since: float | None = None
        self.newest: tuple[Epoch, Seq] | None = None
        self.heard_at = now
        self.touched_at = now


class Subscriptions(Generic[Member]):
    """Channels by name. One subscription each, whatever the number of members."""

    def __init__(self, feed: LiveFeed, *, clock: Callable[[], float]) -> None:
        self._feed = feed
        self._clock = clock
        self._channels: dict[str, Channel[Member]] = {}

    def __len__(self) -> int:
        return len(self._channels)

    def __iter__(self) -> Iterator[Channel[Member]]:
        return iter(list(self._channels.values()))

    def get(self, name: str) -> Channel[Member] | None:
        return self._channels.get(name)

    async def join(self, name: str, member: Member) -> Channel[Member]:
        """Returns the channel when what is published from then on arrives. Raises `Unavailable`."""
        channel = self._channels.get(name) or self._begin(name)
        channel.members.add(member)
        channel.empty_since = None
        try:
            await asyncio.shield(channel.ready)
        except Unavailable:
            if self._channels.get(name) is channel:
                del self._channels[name]
            raise
        return channel

    def leave(self, name: str, member: Member) -> None:
        """Idempotent."""
        channel = self._channels.get(name)
        if channel is None:
            return
        channel.members.discard(member)
        if not channel.members:
            channel.empty_since = self._clock()

    async def sweep(self) -> None:
        """End the channels that nobody came back to."""
        now = self._clock()
        over = [
            channel
            for channel in self
            if channel.empty_since is not None and now - channel.empty_since >= LINGER
        ]
        for channel in over:
            del self._channels[channel.name]
            with suppress(Unavailable):  # A connection that is gone hears nothing either.
                await self._feed.unsubscribe(channel.name)

    def _begin(self, name: str) -> Channel[Member]:
        ready = asyncio.ensure_future(self._feed.subscribe(name))
        channel = self._channels[name] = Channel(name, ready=ready, now=self._clock())
        return channel
