"""Looking back into a conversation, and beginning another one from there."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing
from typing import NamedTuple

from langgraph.types import StateSnapshot

from parley_conversation.graph.states import States
from parley_conversation.ports import Branches, Threads
from parley_core.domain.errors import PermanentError, Refused
from parley_core.domain.events import Forked, Mark
from parley_core.domain.ids import Seq, SessionId, UserId, new_session_id


class NothingKept(PermanentError):
    """No checkpoint is kept there; the text says where."""


class Kept(NamedTuple):
    """A state, and the log entry that it belongs to."""

    mark: Mark
    state: StateSnapshot


class Branching:
    """`nonce`: lower-case hex that was never there before."""

    def __init__(
        self, branches: Branches, states: States, threads: Threads, *, nonce: Callable[[], str]
    ) -> None:
        self._branches = branches
        self._states = states
        self._threads = threads
        self._nonce = nonce

    async def kept(self, session: SessionId, *, at: Seq | None) -> Kept:
        """The newest kept state at or before the log entry `at`. Raises `NothingKept`.

        A turn that still runs has no entry and does not count. Most entries' checkpoints were let
        go: their absence costs a read of nothing each.
        """
        async with aclosing(self._branches.marks(session, at=at)) as marks:
            async for mark in marks:
                state = await self._states.at(session, mark.checkpoint)
                if state is not None:
                    return Kept(mark, state)
        raise _nothing_kept(at)

    async def fork(
        self, session: SessionId, *, owner: UserId, at: Seq | None, request: str
    ) -> Forked:
        """A new session of `owner` from the newest kept state at or before `at`.

        A repeat of `request` gets the first fork. Each try copies the checkpoints to an id of its
        own before one script makes the session of it: a try that ends in between leaves a thread
        that nobody knows and that expires, and no two tries can get into each other's way. Raises
        `NothingKept`, and `Refused` as `Branches.fork` does.
        """
        known = await self._branches.forked(session, request=request)
        if known is not None:
            return known
        mark = (await self.kept(session, at=at)).mark
        to = new_session_id(owner, nonce=self._nonce())
        await self._threads.copy(session, to, until=mark.checkpoint)
        made = None
        # A prune or a clear may have come between.
        if await self._states.at(to, mark.checkpoint) is not None:
            made = await self._made(session, owner, mark, to, request)
        if made is None or made.session != to:
            await self._threads.forget(to)
        if made is None:
            raise _nothing_kept(at)
        return made

    async def _made(
        self, session: SessionId, owner: UserId, mark: Mark, to: SessionId, request: str
    ) -> Forked | None:
        try:
            return await self._branches.fork(
                session, owner=owner, mark=mark, to=to, request=request
            )
        except Refused:
            await self._threads.forget(to)
            raise


def _nothing_kept(at: Seq | None) -> NothingKept:
    where = "" if at is None else f" at or before seq {at}"
    return NothingKept(f"No state of this session is kept{where}.")
