"""What looking back asks of the store and of the checkpointer, beside `parley_core.ports`.

Every call of the store may raise `Unavailable`; repeating it is harmless.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol

from parley_core.domain.events import Forked, Mark
from parley_core.domain.ids import Seq, SessionId, UserId


class Branches(Protocol):
    """Sessions as they are looked back into. Guarantee: a fork is seen whole or not at all."""

    async def owner(self, session: SessionId) -> UserId:
        """Whose session it is. Raises `Refused` (SESSION_NOT_FOUND)."""
        ...

    def marks(self, session: SessionId, *, at: Seq | None) -> AsyncGenerator[Mark]:
        """The log entries up to the seq `at` that have a checkpoint, newest first."""
        ...

    async def forked(self, session: SessionId, *, request: str) -> Forked | None:
        """What this request has come to already; None if nothing."""
        ...

    async def fork(
        self, session: SessionId, *, owner: UserId, mark: Mark, to: SessionId, request: str
    ) -> Forked | None:
        """Make `to` a copy of the session up to `mark`, and list it; None if the mark is gone.

        `to` is an id that nobody had. A repeat of `request` gets the first reply, whatever the rest
        is. Raises `Refused`: SESSION_NOT_FOUND, FORBIDDEN, SESSION_LIMIT,
        RATE_LIMITED.
        """
        ...


class Threads(Protocol):
    """A checkpointer's threads, which are called as their sessions."""

    async def copy(self, source: SessionId, target: SessionId, *, until: str) -> None:
        """The checkpoints up to the one called `until`, with their writes, to a new thread.

        A repeat copies the same again. If `until` is not there, nothing called so is in the copy.
        """
        ...

    async def forget(self, thread: SessionId) -> None:
        """Delete a thread's checkpoints. A repeat finds nothing."""
        ...
