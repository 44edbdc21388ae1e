"""What the session store hands out and takes in."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from parley_core.domain.client_frames import Strategy
from parley_core.domain.ids import (
    ConnectionId,
    DeviceId,
    Epoch,
    MessageId,
    Seq,
    SessionId,
    Token,
    TurnId,
    UserId,
)
from parley_core.domain.members import Role


class TurnStatus(StrEnum):
    """`queued -> running -> done | failed | cancelled | rolled_back`; `running <-> waiting`."""

    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    ROLLED_BACK = "rolled_back"


class Event(Struct, frozen=True):
    """One entry of a session's log. `body` is the frame's JSON as it goes out."""

    seq: Seq
    id: MessageId
    type: str
    origin: ConnectionId
    body: bytes


class Top(Struct, frozen=True):
    """The newest event of a session; seq 0 and an empty id before the first."""

    epoch: Epoch
    seq: Seq
    id: MessageId


class Glance(Struct, frozen=True):
    """What a session's record says of itself and of some people. `top` is None if it is gone."""

    top: Top | None
    roles: dict[UserId, Role | None]


class LiveTurn(Struct, frozen=True):
    """The turn that is open. `text` is what its newest attempt has written."""

    turn_id: TurnId
    attempt: int
    status: TurnStatus
    text: str


class Attachment(Struct, frozen=True):
    """What a reader gets of a session.

    `proved`: the position given is on this log, and `events` are those right after it. Otherwise
    `events` are the newest few. `more`: the log goes on after the last of `events` (proved), or
    began before the first (not proved). `unanswered`: inputs that the agent has not answered at
    `top`, the one that it is at among them; a turn that waits for people has none.
    """

    top: Top
    proved: bool
    events: tuple[Event, ...]
    more: bool
    turn: LiveTurn | None
    unanswered: int


class Mark(Struct, frozen=True):
    """A log entry that has a checkpoint: the conversation as it was then."""

    seq: Seq
    checkpoint: str


class Forked(Struct, frozen=True):
    """A session that began as a copy of another, up to its `seq`."""

    session: SessionId
    seq: Seq


class Opened(Struct, frozen=True):
    """A session that a connection was registered with. `existed`: it was there before."""

    session: SessionId
    existed: bool
    attachment: Attachment
    role: Role = Role.OWNER


class Listed(Struct, frozen=True):
    """One of a user's sessions. `last_active`: Unix time in milliseconds, by Redis's clock.

    `archived`: off the list that clients see, kept until it expires.
    """

    session: SessionId
    role: str
    topic: str
    seq: Seq
    last_active: int
    current: bool
    archived: bool = False


class Accepted(Struct, frozen=True):
    """An append's reply. `repeated`: it was known; `seq` is None for a command, not logged.

    `addressed`: false for a text, not known before, that the agent does not answer.
    """

    seq: Seq | None
    epoch: Epoch
    repeated: bool
    addressed: bool = True


class MailKind(StrEnum):
    """What an input asks of the agent."""

    TEXT = "text"
    ANSWER = "answer"
    CLEAR = "clear"
    TOPIC = "topic"


class Mail(Struct, frozen=True, omit_defaults=True):
    """One input that waits for the agent. Its `message_id` is its turn's id."""

    kind: MailKind
    message_id: MessageId
    user_id: UserId
    device_id: DeviceId
    content: str = ""
    topic: str = ""
    interrupt_id: str = ""
    strategy: Strategy = Strategy.ENQUEUE
    after: int | None = None
    # The store adds these, if texts that were not for the agent came before: the newest of them,
    # and the input's own place in the log.
    unaddressed: MessageId = MessageId("")
    seq: int = 0


class Stop(StrEnum):
    """Why a turn is to end before it is done."""

    CANCEL = "cancel"
    INTERRUPT = "interrupt"
    ROLLBACK = "rollback"


class OpenTurn(Struct, frozen=True):
    """The turn that a session's meta holds.

    `counted`: attempts that ended in a way that counts. `base`: the checkpoint before the turn.
    `answers`: JSON, by the interrupt that asked. `text`: what its newest attempt has written, if
    a stop is set.
    """

    turn_id: TurnId
    attempt: int
    counted: int
    status: TurnStatus
    stop: Stop | None
    base: str = ""
    answers: dict[str, str] = {}
    text: str = ""


class Asked(Struct, frozen=True):
    """What a turn asks: the log frame (open, from `encode_open`), its id, and the interrupts."""

    id: MessageId
    frame: bytes
    interrupts: tuple[str, ...]


class Inbox(Struct, frozen=True):
    """What a worker finds under its lease: the mailbox's head, and the turn if one is open.

    `head` is the turn that the mail is for: its own, or one that asked and was answered. `members`:
    people in the session beside its owner.
    """

    head: TurnId | None
    mail: Mail | None
    turn: OpenTurn | None
    owner: UserId
    topic: str
    epoch: Epoch
    created: int
    members: int = 0


class Lease(Struct, frozen=True):
    """The right to run a session's turns until it expires or is refused."""

    session: SessionId
    token: Token


class Begun(Struct, frozen=True):
    """An attempt began; `token` replaces the lease's. `exhausted`: fail the turn, run nothing."""

    token: Token
    attempt: int
    exhausted: bool
    stop: Stop | None


class ProcessInfo(Struct, frozen=True, omit_defaults=True):
    """What a process says of itself with each beat. `started`: Unix time in seconds.

    `draining`: it takes no more work; `moving`: it sends what it has to others, in a drain or not.
    """

    kind: str
    started: float
    release: str = ""
    namespace: str = ""
    pod: str = ""
    admin_url: str = ""
    draining: bool = False
    connections: int = 0
    moving: bool = False


class Online(Struct, frozen=True):
    """One connection of a user. `since`: Unix time in milliseconds, by Redis's clock."""

    connection: ConnectionId
    device: DeviceId
    process: str
    since: int


class Whereabouts(Struct, frozen=True):
    """Where a user is. `last_seen` (Unix ms) is None for somebody never seen; online means now.

    `left`: when a connection of each device last ended (Unix ms), for the newest devices.
    """

    user: UserId
    online: bool
    connections: tuple[Online, ...]
    last_seen: int | None
    left: dict[DeviceId, int] = {}
