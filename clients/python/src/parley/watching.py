"""Whose presence is watched. The server forgets it with each connection; this does not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from msgspec import UNSET

from parley.domain.events import Received
from parley.errors import Unacknowledged
from parley_core.domain import server_frames as wire
from parley_core.domain.client_frames import Auth, Capability
from parley_core.domain.errors import Refused
from parley_core.domain.presence import presence_frame

_AT_ONCE = 100
"""Users of one command; the protocol takes no more."""

Ask = Callable[[Sequence[str]], Awaitable[object]]
"""Sends `get_presence`, whose answer comes through `news` as every frame does."""


class Watch:
    """Where watched users were when the stream last said it.

    Frames are shown to it in the order of the stream; so what was missed between two connections
    is what their first answer has otherwise than the last frame. An answer may say that somebody
    came before the frame that tells so; what is said twice is news once.
    """

    def __init__(self, auth: Auth) -> None:
        self._user = auth.user_id
        self._is_wanted = Capability.PRESENCE in auth.capabilities
        self._known: dict[str, str] = {}
        """State by user."""
        self._is_due = asyncio.Event()

    def renew(self) -> None:
        """Another connection is live, and watches nobody yet."""
        self._is_due.set()

    def moved(self) -> None:
        """To another session, where one may not see whom one saw in the last."""
        self._known = {user: state for user, state in self._known.items() if user == self._user}

    def is_news(self, presence: wire.Presence) -> bool:
        """Whether a watched user's frame says otherwise than the stream has said."""
        known = self._known.get(presence.user_id)
        if known is not None:
            self._known[presence.user_id] = presence.state
        return presence.state != known

    def news(self, frame: Received) -> tuple[wire.Presence, ...]:
        """What an answer to `get_presence` says otherwise than the stream has said."""
        if not self._is_wanted or not isinstance(frame, wire.System) or frame.presence is UNSET:
            return ()
        news = tuple(
            presence_frame(entry)
            for entry in frame.presence
            if self._known.get(entry.user_id, entry.state) != entry.state
        )
        self._known.update((entry.user_id, entry.state) for entry in frame.presence)
        return news

    async def run(self, ask: Ask) -> None:
        """Watch again after each reconnect. Never returns."""
        while True:
            await self._is_due.wait()
            self._is_due.clear()
            users = tuple(self._known)
            for start in range(0, len(users), _AT_ONCE):
                await self._renew(users[start : start + _AT_ONCE], ask)

    async def _renew(self, users: Sequence[str], ask: Ask) -> None:
        # Unacknowledged: no connection for a minute, and the next one renews.
        with suppress(Unacknowledged):
            try:
                await ask(users)
            except Refused:
                await self._sort_out(users, ask)

    async def _sort_out(self, users: Sequence[str], ask: Ask) -> None:
        """One of `users` is not to be seen any more: the others are."""
        if len(users) == 1:
            self._known.pop(users[0], None)
            return
        for user in users:
            await self._renew([user], ask)
