"""Sessions as a worker sees them."""

from __future__ import annotations

from typing import Protocol

from parley_core.domain.events import Asked, Begun, Inbox, Lease, Stop, TurnStatus
from parley_core.domain.ids import MessageId, Seq, TurnId


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
