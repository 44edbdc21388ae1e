"""The connections of this process."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Protocol

from parley_core.domain.ids import ConnectionId, DeviceId, UserId
from parley_core.supervision import pause
from parley_edge import metrics
from parley_edge.domain.rendering import Audience
from parley_edge.leaving import Leaver

_AT_ONCE = 200
"""Connections that are looked at in one step: pings of thousands must not hold up a text."""


class Way(Protocol):
    """Out to a client."""

    @property
    def write(self) -> Callable[[bytes], None]:
        """Sends a live frame, in the form of the client's audience."""
        ...


class Member(Leaver, Protocol):
    """A connection, as those see it who go through all of them."""

    user: UserId
    device: DeviceId
    is_registered: bool
    audience: Audience

    @property
    def outbox(self) -> Way: ...

    def check(self) -> None:
        """What only time brings."""
        ...


class Roster:
    """Every open connection by its id, and how many each user has."""

    def __init__(self) -> None:
        self._connections: dict[ConnectionId, Member] = {}
        self._of_user: Counter[UserId] = Counter()
        self._unfinished: set[ConnectionId] = set()
        self._empty = asyncio.Event()
        self._empty.set()

    def __len__(self) -> int:
        return len(self._connections)

    def __iter__(self) -> Iterator[Member]:
        return iter(list(self._connections.values()))

    @property
    def unfinished(self) -> int:
        """Connections that are open, or whose frames are still being carried out."""
        return len(self._unfinished)

    def get(self, connection: ConnectionId) -> Member | None:
        """The connection, if its socket is open."""
        return self._connections.get(connection)

    def count(self, user: UserId) -> int:
        """Connections of `user` here.

        Counted by process, not over all: what a dead process left behind must not lock a user out.
        """
        return self._of_user[user]

    def has(self, connection: ConnectionId) -> bool:
        """Whether its socket is open."""
        return connection in self._connections

    def knows(self, connection: ConnectionId) -> bool:
        """Whether it is open, or its frames are still being carried out."""
        return connection in self._unfinished

    def add(self, connection: Member) -> None:
        self._connections[connection.id] = connection
        self._unfinished.add(connection.id)
        self._empty.clear()
        metrics.CONNECTIONS.set(len(self._connections))

    def identify(self, user: UserId) -> None:
        """One more connection of `user`."""
        self._of_user[user] += 1

    def forget(self, user: UserId) -> None:
        """One connection of `user` less."""
        self._of_user[user] -= 1
        if not self._of_user[user]:
            del self._of_user[user]

    def remove(self, connection: Member) -> None:
        """The socket is gone."""
        self._connections.pop(connection.id, None)
        metrics.CONNECTIONS.set(len(self._connections))

    def finished(self, connection: Member, *, user: UserId | None) -> None:
        """All frames of the connection were carried out."""
        self._unfinished.discard(connection.id)
        if not self._unfinished:
            self._empty.set()
        if user is not None:
            self.forget(user)

    async def emptied(self, *, within: float) -> bool:
        """Whether no connection is left, after `within` seconds at most."""
        return await pause(within, until=self._empty)

    async def check(self) -> None:
        """Once a second: what only time brings."""
        for number, connection in enumerate(self):
            connection.check()
            if number % _AT_ONCE == _AT_ONCE - 1:
                await asyncio.sleep(0)
        metrics.TASKS.set(len(asyncio.all_tasks()))
