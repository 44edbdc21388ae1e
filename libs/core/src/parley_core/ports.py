"""What the services ask of the store, and what each promise is worth.

Every call may raise `Unavailable`: it may or may not have taken effect, and repeating it with the
same arguments is harmless and gives the reply that the first would have given. Nothing here
repeats by itself. Durations are in seconds unless a name says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from parley_core.domain.client_frames import Position
from parley_core.domain.events import (
    Accepted,
    Asked,
    Attachment,
    Begun,
    Event,
    Inbox,
    Lease,
    Listed,
    Mail,
    Opened,
    ProcessInfo,
    Stop,
    Top,
    TurnStatus,
    Whereabouts,
)
from parley_core.domain.ids import (
    ConnectionId,
    DeviceId,
    MessageId,
    ProcessId,
    Seq,
    SessionId,
    TurnId,
    UserId,
)


class Authenticator(Protocol):
    """Who a client is. Guarantee: the id returned is the user's; nothing else vouches for it."""

    async def verify(self, user: UserId, token: str | None) -> UserId:
        """The user that the credentials prove. Raises `Refused` (UNAUTHENTICATED)."""
        ...


class Conversations(Protocol):
    """Sessions as an edge sees them. Guarantee: an accepted input is in the log exactly once."""

    async def open(
        self,
        user: UserId,
        *,
        device: DeviceId,
        connection: ConnectionId,
        session: SessionId | None = None,
        new: str | None = None,
        position: Position | None = None,
    ) -> Opened:
        """Find or make the session, register the connection, and attach, all at once.

        Without `session` it is the user's current one; `new` (lower-case hex, unique) makes
        another: a repeat with the same `new` gets the same. A named or new session becomes the
        current one. Raises `Refused`: FORBIDDEN for somebody else's session,
        SESSION_NOT_FOUND, SESSION_LIMIT when no session is idle enough to be archived.
        """
        ...

    async def attach(self, session: SessionId, *, position: Position | None) -> Attachment | None:
        """What comes after `position`, or the newest events if it is not proved; None if gone."""
        ...

    async def append(
        self,
        session: SessionId,
        mail: Mail,
        *,
        frame: bytes,
        origin: ConnectionId,
        value: bytes = b"",
    ) -> Accepted:
        """Number, log, queue and publish an input in one step.

        `frame` is the log frame from `encode_open`, empty for a command, which is queued but not
        logged. `value` is an answer's JSON; a text that has one is the answer where one is waited
        for. The first answer wins; any other text ends a turn that waits. A repeat of the
        `message_id` returns the first reply and does nothing else. Raises `Refused`: RATE_LIMITED,
        BUSY, RETRY_TOO_OLD, FORBIDDEN, NO_SUCH_INTERRUPT, SESSION_NOT_FOUND (expired: open again).
        """
        ...

    async def history(
        self, session: SessionId, *, before: Seq | None, limit: int
    ) -> tuple[tuple[Event, ...], bool]:
        """Up to `limit` events below the seq `before`, oldest first; whether there are older."""
        ...

    async def sessions(self, user: UserId) -> tuple[Listed, ...]:
        """The user's sessions, without archived and expired ones, newest activity first."""
        ...

    async def top(self, session: SessionId) -> Top | None:
        """The newest event, to compare a reader's position with; None if the session is gone."""
        ...

    async def cancel(self, session: SessionId, *, turn: TurnId | None) -> TurnId:
        """Ask a turn to stop; without a name the open one, or else the next.

        Raises `Refused` (TURN_ENDED).
        """
        ...

    async def seen(self, session: SessionId, *, device: DeviceId, seq: Seq) -> None:
        """This device has everything up to `seq`; an older value never replaces a newer one."""
        ...

    async def touch(self, session: SessionId, *, owner: UserId) -> None:
        """Keep the session alive for another 7 days."""
        ...

    async def tell(
        self, session: SessionId, *, type: str, frame: bytes, origin: ConnectionId
    ) -> None:
        """Publish a live-only frame to the session's other connections, at most once."""
        ...


class Connections(Protocol):
    """Who is connected through this process. State, not events: a repeat changes nothing."""

    async def enter(self, user: UserId, *, device: DeviceId, connection: ConnectionId) -> None:
        """Register a connection (again, after the process was taken for dead)."""
        ...

    async def leave(self, user: UserId, *, connection: ConnectionId) -> None:
        """The connection ended; the user is offline if no other comes within the grace time."""
        ...

    async def held(self) -> dict[ConnectionId, UserId]:
        """What the store has of this process; it may have lost an end or a beginning."""
        ...

    async def whereabouts(self, users: Sequence[UserId]) -> tuple[Whereabouts, ...]:
        """Where users are, in the order asked."""
        ...


class Work(Protocol):
    """Sessions as a worker sees them. Guarantee: only the current token's writes take effect.

    Every call with a token raises `StaleToken` when it is not the current one, and then has
    changed nothing.
    """

    async def claim(self, *, room: int, partition: int, nonce: str) -> tuple[Lease, ...]:
        """Up to `room` sessions of a partition that have work. Raises `Barred`."""
        ...

    async def inbox(self, lease: Lease) -> Inbox:
        """What the session waits for."""
        ...

    async def renew(self, lease: Lease) -> Stop | None:
        """Keep the lease for another 5 s; the open turn's stop."""
        ...

    async def release(self, lease: Lease, *, counted: bool) -> None:
        """Hand the session back, ready if work is left; `counted`: an exception ended it."""
        ...

    async def begin(
        self, lease: Lease, *, turn: TurnId, base: str, checkpoint: str, nonce: str
    ) -> Begun:
        """Open or reopen a turn under a new token.

        `base` is the text that the checkpoint already has of the answer and `checkpoint` its id
        (empty if there is none): a lease expiry counts only if it has not moved since.
        """
        ...

    async def delta(
        self, lease: Lease, *, turn: TurnId, attempt: int, offset: int, text: str
    ) -> Stop | None:
        """Append to the live text at `offset` (code points) and publish; the turn's stop."""
        ...

    async def commit(
        self,
        lease: Lease,
        *,
        turn: TurnId,
        answer: MessageId,
        type: str,
        frame: bytes,
        status: TurnStatus,
        checkpoint: str,
        topic: str | None = None,
        release: bool = False,
    ) -> Seq:
        """Close a turn: log frame, mail, turn, lease in one step.

        `frame` (from `encode_open`) is an answer, a failure or a topic switch. With a normal
        `status` it is refused (`Refused`, TURN_ENDED) while a stop is set.
        """
        ...

    async def wait(self, lease: Lease, *, turn: TurnId, asked: Asked, checkpoint: str) -> Seq:
        """The turn asks: question into the log, input off the mailbox, lease released.

        What was answered meanwhile wakes it at once. Refused as `commit` is.
        """
        ...

    async def say(self, lease: Lease, *, type: str, frame: bytes) -> Stop | None:
        """Publish a frame of the turn that is only live; the turn's stop."""
        ...

    async def clear(self, lease: Lease, *, turn: TurnId, nonce: str) -> None:
        """A new epoch without log or checkpoints; message ids and seq go on. Ends its mail item."""
        ...


class Processes(Protocol):
    """Which processes live. Guarantee: one that was evicted is told at its next claim or beat."""

    async def beat(self, process: ProcessId, info: ProcessInfo) -> bool:
        """Alive for 8 more seconds; True if the process was reaped: it must register anew."""
        ...

    async def retire(self, process: ProcessId) -> None:
        """The process ended in order and has nothing left."""
        ...

    async def alive(self) -> dict[ProcessId, ProcessInfo]:
        """The processes whose last beat is not older than 8 s."""
        ...

    async def dead(self) -> tuple[ProcessId, ...]:
        """Processes that stopped beating and have not been reaped."""
        ...

    async def evict(self, process: ProcessId, *, bar: float = 0.0) -> int:
        """Hand back all sessions that a process holds; it may not claim for `bar` seconds."""
        ...

    async def reap(self, process: ProcessId, *, if_overdue: bool = False) -> int:
        """Take a dead process's connections away; how many there were.

        `if_overdue` spares a process that has beaten in time.
        """
        ...


class PresenceBoard(Protocol):
    """What the presence service decides with. Any replica may do any of it, any number of times."""

    async def due(self) -> tuple[UserId, ...]:
        """Users whose last connection went 5 s ago or more and who are still to be looked at."""
        ...

    async def offline(self, users: Sequence[UserId]) -> tuple[UserId, ...]:
        """Look at `due` users again; the ones who really are offline."""
        ...

    async def announce(self, user: UserId) -> Whereabouts | None:
        """Publish the user's state to those who watch if it changed since the last time."""
        ...


class LiveFeed(Protocol):
    """Subscriptions of one process, over one connection a node.

    Guarantee: at most once and in order while the connection lives. Whenever messages of some
    channels may have been missed, `on_gap` is called with them after they are subscribed again.
    """

    def listen(
        self,
        *,
        on_message: Callable[[str, bytes], None],
        on_gap: Callable[[frozenset[str]], None],
    ) -> None:
        """Set the two callbacks, which must not block, before `start`."""
        ...

    async def subscribe(self, channel: str) -> None:
        """Returns when the server has confirmed: what is published from then on arrives."""
        ...

    async def unsubscribe(self, channel: str) -> None:
        """Idempotent."""
        ...

    def deaf_for(self) -> float:
        """Seconds for which a probe of the connection has gone unanswered; 0.0 when it hears."""
        ...
