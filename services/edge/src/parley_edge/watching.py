"""Whose presence one connection is told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from parley_core.domain.ids import UserId
from parley_edge.hub import Hub
from parley_edge.listener import Watcher


class Watching:
    """Ends when the connection closes, or leaves those whom it watches."""

    __slots__ = ("_hub", "_is_over", "_kept", "users")

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._is_over = False
        self._kept: list[bytes] | None = None
        self.users: frozenset[UserId] = frozenset()

    async def add(self, users: Iterable[UserId], *, watcher: Watcher) -> None:
        """Tell `watcher` of changes. Raises `Unavailable`."""
        for user in users:
            await self._hub.watch(user, watcher)
            self.users |= {user}
        if self._is_over:
            self.end(watcher=watcher)

    @contextmanager
    def answering(self, *, watcher: Watcher) -> Iterator[None]:
        """What is heard while an answer is read is told after it: it may be newer."""
        kept = self._kept = []
        try:
            yield
        finally:
            self._kept = None
            for body in kept:
                watcher.told(body)

    def keeps(self, body: bytes) -> bool:
        """Whether `body` has to wait for an answer; then it is told again."""
        if self._kept is None:
            return False
        self._kept.append(body)
        return True

    def remove(self, users: Iterable[UserId], *, watcher: Watcher) -> None:
        for user in self.users.intersection(users):
            self._hub.unwatch(user, watcher)
        self.users -= frozenset(users)

    def end(self, *, watcher: Watcher) -> None:
        """Idempotent."""
        self._is_over = True
        self.remove(self.users, watcher=watcher)
