"""Looking back into sessions, and forking them, on Redis."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any

from parley_core.domain import limits
from parley_core.domain.codes import ErrorCode
from parley_core.domain.errors import Refused, Unavailable
from parley_core.domain.events import Forked, Mark
from parley_core.domain.ids import Seq, SessionId, UserId, partition_of, session_partition
from parley_core.redis import replies
from parley_core.redis.client import RedisClient
from parley_core.redis.keys import Keys
from parley_core.redis.naming import session_keys
from parley_core.redis.scripts import script
from parley_core.redis.user_sessions import UserSessions
from parley_core.redis.wire import Argument

_TRIES = 8
"""How often the user's sessions may change under a fork before it gives up."""
_PAGE = 64
"""Log entries that one look for marks goes through."""
_KNOWN_MS = 24 * 3_600 * 1_000
"""How long a fork can be repeated."""


class RedisBranches:
    """The parts of sessions that a history is looked at and forked by."""

    def __init__(
        self, client: RedisClient, keys: Keys, *, nonce: Callable[[], str], max_sessions: int
    ) -> None:
        self._client = client
        self._keys = keys
        self._nonce = nonce
        self._max_sessions = max_sessions

    async def owner(self, session: SessionId) -> UserId:
        """Whose session it is. Raises `Refused` (SESSION_NOT_FOUND)."""
        owner = None
        if session_partition(session) is not None:
            meta = self._keys.session(session).meta
            owner = await self._client.command("HGET", meta, "owner", key=meta)
        if owner is None:
            raise Refused(ErrorCode.SESSION_NOT_FOUND, "There is no such session.")
        return UserId(replies.text(owner))

    async def marks(self, session: SessionId, *, at: Seq | None) -> AsyncGenerator[Mark]:
        """The log entries up to the seq `at` that have a checkpoint, newest first.

        They are read a page at a time, as far as they are asked for: close it after that.
        """
        log, begin = self._keys.session(session).log, "" if at is None else str(at)
        is_last = False
        while not is_last:
            reply = await self._client.script(script("marks"), [log], [begin, _PAGE])
            begin = replies.text(reply[0])
            is_last = not begin
            for seq, checkpoint in zip(reply[1::2], reply[2::2], strict=True):
                yield Mark(Seq(seq), replies.text(checkpoint))

    async def forked(self, session: SessionId, *, request: str) -> Forked | None:
        """What this request has come to already; None if nothing."""
        key = self._keys.fork(session, request)
        found = await self._client.command("GET", key, key=key)
        if found is None:
            return None
        made, _, seq = replies.text(found).partition("\n")
        return Forked(SessionId(made), Seq(int(seq)))

    async def fork(
        self, session: SessionId, *, owner: UserId, mark: Mark, to: SessionId, request: str
    ) -> Forked | None:
        """Make `to` a copy of the session up to `mark`, and list it; None if the mark is gone.

        `to` is an id that nobody had, in the owner's partition. A repeat of `request`, within a day
        and whatever the rest is, gets the first reply. Raises `Refused`: SESSION_NOT_FOUND,
        FORBIDDEN, SESSION_LIMIT when no session is idle enough to be archived, RATE_LIMITED.
        """
        for _ in range(_TRIES):
            reply = await self._fork(session, owner, mark, to, request)
            if reply[0] == b"gone":
                return None
            if reply[0] != b"changed":
                made, seq = replies.accepted(reply, what="fork")
                return Forked(SessionId(replies.text(made)), Seq(seq))
        raise Unavailable(f"The user's sessions changed {_TRIES} times while one was forked.")

    async def _fork(
        self, session: SessionId, owner: UserId, mark: Mark, to: SessionId, request: str
    ) -> Sequence[Any]:
        keys, user = self._keys, self._keys.user(owner)
        sessions = UserSessions.read(await self._client.command("HGETALL", user, key=user))
        original = keys.session(session)
        listed = [keys.session(each) for each in sessions.listed]
        args: list[Argument] = [
            *(to, owner, sessions.revision, session),
            *(mark.seq, mark.checkpoint, self._nonce()),
            *(_KNOWN_MS, self._max_sessions, limits.FORK_RATE, limits.FORKS),
            *sessions.listed,
        ]
        reply: Sequence[Any] = await self._client.script(
            script("fork"),
            [
                *session_keys(keys.session(to)),
                *(original.meta, original.log, original.ids, keys.fork(session, request), user),
                keys.rate(owner, "fork", partition=partition_of(owner)),
                *(name for each in listed for name in (each.meta, each.mail)),
            ],
            args,
        )
        return reply
