"""From frames to events: what is new goes into the buffer, what answers a call goes to it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from msgspec.structs import replace

from parley.buffer import EventBuffer
from parley.connection import Connection
from parley.domain.events import Received, Snapshot, place
from parley.domain.inbox import Inbox
from parley.sending import Sender
from parley.watching import Watch
from parley_core.domain import server_frames as wire
from parley_core.domain.client_frames import Auth, Position
from parley_core.domain.codes import ErrorCode
from parley_core.domain.errors import Refused

TokenSource = Callable[[], Awaitable[str]]
"""Asked for a token before each connection."""


@dataclass(frozen=True, slots=True)
class Stream:
    """The listener of a line. `first` is the `auth` of its first connection."""

    first: Auth
    inbox: Inbox
    sender: Sender
    events: EventBuffer
    watch: Watch
    token: TokenSource | None

    async def auth(self) -> Auth:
        token = await self.token() if self.token is not None else None
        auth = replace(self.first, token=token)
        if self.inbox.position is None:
            return auth
        return replace(
            auth,
            # None once the session is gone.
            session_id=self.inbox.session_id,
            new_session=False,
            resume=self.inbox.position,
        )

    def attaching(self) -> None:
        self.inbox.begin_overlap()

    async def attached(self, system: wire.System, *, resumed: Position | None) -> None:
        snapshot = self.inbox.attach(system, resumed=resumed)
        if snapshot is not None:
            await self.events.put(snapshot)

    async def received(self, frame: Received) -> None:
        event = self.inbox.accept(frame)
        answered = self.sender.settle(frame)
        if isinstance(event, Snapshot) and not event.gap:
            self.watch.moved()
        for change in self.watch.news(frame):
            await self.events.put(change)
        if event is None or (answered and event is frame and place(frame) is None):
            return
        if isinstance(event, wire.Presence) and not self.watch.is_news(event):
            return
        await self.events.put(event)

    def refused(self, refused: Refused) -> bool:
        """Another try is worth it if the session expired: the user's current one takes its place.

        The position goes along and is on no log there, so the stream has its gap.
        """
        expired = refused.code is ErrorCode.SESSION_NOT_FOUND and self.inbox.session_id is not None
        self.inbox.session_id = None
        return expired

    def follows(self, auth: Auth) -> bool:
        """Whether the stream is still in the session that `auth` asked for."""
        return auth.session_id == self.inbox.session_id

    async def settled(self, connection: Connection, *, within: float) -> None:
        await self.sender.settled(connection, within=within)

    def lost(self, connection: Connection) -> None:
        self.sender.lose(connection)
