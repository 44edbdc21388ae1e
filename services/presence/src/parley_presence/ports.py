"""What the presence service asks of the store beside `parley_core.ports`.

Every call may raise `Unavailable`, and repeating it is harmless.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from parley_core.domain.ids import ProcessId, UserId


class Hint(NamedTuple):
    """Something about this user may have changed; look."""

    id: str
    user: UserId


class Hints(Protocol):
    """The stream of hints, which all replicas share.

    Guarantee: a hint is handed out again until it is done, by whoever is left.
    """

    async def next(self) -> tuple[Hint, ...]:
        """Hints that nobody got yet; waits about a second for the first."""
        ...

    async def abandoned(self) -> tuple[Hint, ...]:
        """Hints that somebody got seconds ago and has not done."""
        ...

    async def done(self, hints: Sequence[Hint]) -> None:
        """Nobody needs these any more."""
        ...

    async def retire(self) -> None:
        """This replica reads no more."""
        ...

    async def forget_readers(self) -> int:
        """Take readers away that died long ago; how many there were."""
        ...


class Housekeeping(Protocol):
    """Slow work. Any replica may do any of it, any number of times."""

    async def unbar(self) -> int:
        """Forget bars of processes that are over; how many there were."""
        ...

    async def forget_processes(self) -> tuple[ProcessId, ...]:
        """Reap once more what was reaped long ago, and forget it."""
        ...

    async def connected_users(self) -> tuple[UserId, ...]:
        """All users who have a connection."""
        ...

    async def tell_lists(self) -> int:
        """Tell users' lists what they should know of sessions of others; how many did not."""
        ...

    async def prune(self, user: UserId) -> int:
        """Take sessions that expired off the user's list; how many there were."""
        ...
