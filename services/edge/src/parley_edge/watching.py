"""Whose presence one connection is told."""

from __future__ import annotations

from collections.abc import Iterable

from parley_core.domain.ids import UserId
from parley_edge.hub import Hub
from parley_edge.listener import Watcher


class Watching:
    """Ends when the connection closes, or leaves those whom it watches."""

    __slots__ = ("_hub", "_is_over", "users")

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._is_over = False
        self.users: frozenset[UserId] = frozenset()

    async def add(self, users: Iterable[UserId], *, watcher: Watcher) -> None:
        """Tell `watcher` of changes. Raises `Unavailable`."""
        for user in users:
            await self._hub.watch(user, watcher)
            self.users |= {user}
        if self._is_over:
            self.end(watcher=watcher)

    def remove(self, users: Iterable[UserId], *, watcher: Watcher) -> None:
        for user in self.users.intersection(users):
            self._hub.unwatch(user, watcher)
        self.users -= frozenset(users)

    def end(self, *, watcher: Watcher) -> None:
        """Idempotent."""
        self._is_over = True
        self.remove(self.users, watcher=watcher)
