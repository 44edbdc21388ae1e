"""What the session store of one user should hold and say, in plain Python.

Its two sides, `EdgeModel` and `WorkModel`, have the calls of the ports. Times are not modelled:
`tick` orders what happens, an epoch is only its nonce, a lease expires when it is told to, and a
session that rests does so until it is told that it has rested.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from parley_core.domain import events, limits
from parley_core.domain.events import Event, Forked, Lease, Mail, MailKind, Stop, TurnStatus
from parley_core.domain.ids import (
    ConnectionId,
    DeviceId,
    Epoch,
    MessageId,
    Partition,
    ProcessId,
    Seq,
    SessionId,
    Token,
    TurnId,
    UserId,
    partition_of,
)
from parley_core.domain.live import NO_ORIGIN
from parley_core.domain.members import ReplyMode, Role

NONE_YET, NO_ID = Seq(0), MessageId("")
TIMESTAMP = "0000-00-00T00:00:00.000Z"
"""Stands where Redis writes its time."""


@dataclass(frozen=True)
class Frame:
    """What a caller wants logged: the frame without what the store adds to it."""

    id: MessageId
    type: str
    open: bytes
    checkpoint: str = ""


@dataclass
class Logged:
    """An event, and the checkpoint that it was committed with."""

    event: Event
    checkpoint: str


@dataclass
class OpenTurn:
    """A turn as meta has it. A waiting one has neither nonce nor offset."""

    id: TurnId
    attempt: int
    counted: int
    status: TurnStatus
    checkpoint: str
    base: str
    nonce: str | None
    offset: int | None
    stop: Stop | None = None
    asks: tuple[str, ...] = ()
    answers: dict[str, str] = field(default_factory=dict)

    def of_inbox(self, live: str) -> events.OpenTurn:
        """As a worker finds it; `live` is what the newest attempt has written."""
        return events.OpenTurn(
            *(self.id, self.attempt, self.counted, self.status, self.stop, self.base),
            *(self.answers, live if self.stop else ""),
        )

    @property
    def waits(self) -> bool:
        return self.status is TurnStatus.WAITING and self.stop is None

    def unanswered(self, wanted: str) -> str | None:
        """A question that waits for its answer: the one named, any for an empty name."""
        left = [each for each in self.asks if each not in self.answers]
        return next((each for each in left if wanted in {"", each}), None)


@dataclass
class Waiting:
    """An input in the mailbox, and the turn that it is for."""

    turn: TurnId
    mail: Mail


@dataclass
class Ended:
    """How the last turn ended, for a repeat of that end."""

    turn: TurnId
    seq: Seq
    token: Token


@dataclass
class Session:
    """One session. `is_gone`: its meta was lost, and the rest of it may still be there."""

    id: SessionId
    epoch: Epoch
    opener: ConnectionId
    active: int
    seq: Seq = NONE_YET
    top: MessageId = NO_ID
    floor: Seq = NONE_YET
    floor_id: MessageId = NO_ID
    topic: str = ""
    members: dict[UserId, Role] = field(default_factory=dict)
    has_had_members: bool = False
    reply: ReplyMode = ReplyMode.ALWAYS
    aside: MessageId = NO_ID
    """The newest text that was not for the agent."""
    turn: OpenTurn | None = None
    ended: Ended | None = None
    released: Token | None = None
    is_gone: bool = False
    log: list[Logged] = field(default_factory=list)
    ids: dict[MessageId, Seq] = field(default_factory=dict)
    mail: list[Waiting] = field(default_factory=list)
    stops: dict[TurnId, Stop] = field(default_factory=dict)
    """Of turns that are not open yet."""
    live: str | None = None
    seen: dict[str, Seq] = field(default_factory=dict)

    @property
    def head(self) -> TurnId | None:
        return self.mail[0].turn if self.mail else None

    def role_of(self, user: UserId, owner: UserId) -> Role | None:
        return Role.OWNER if user == owner else self.members.get(user)

    @property
    def stop(self) -> Stop | None:
        return self.turn.stop if self.turn else None

    def turn_called(self, turn: TurnId) -> OpenTurn | None:
        """The open turn, if it is that one."""
        return self.turn if self.turn and self.turn.id == turn else None


@dataclass
class Guest:
    """What somebody else's list says of the user's sessions."""

    roles: dict[SessionId, Role] = field(default_factory=dict)
    current: SessionId | None = None

    def told(self, session: SessionId, role: Role | None) -> None:
        if role is not None:
            self.roles[session] = role
            return
        self.roles.pop(session, None)
        if self.current == session:
            self.current = None


@dataclass
class Model:
    """All that is stored, and what was published since it was last heard."""

    user: UserId
    kept: int
    burst: int
    max_sessions: int
    tick: int = 0
    sessions: dict[SessionId, Session] = field(default_factory=dict)
    roles: dict[SessionId, str] = field(default_factory=dict)
    current: SessionId | None = None
    guests: dict[UserId, Guest] = field(default_factory=dict)
    """Whoever was ever in one of the user's sessions."""
    forks: dict[tuple[SessionId, str], Forked] = field(default_factory=dict)
    """What each request for a fork of a session has come to."""
    spent: dict[UserId, int] = field(default_factory=dict)
    noticed: dict[SessionId, int] = field(default_factory=dict)
    ready: dict[SessionId, int] = field(default_factory=dict)
    resting: set[SessionId] = field(default_factory=set)
    leases: dict[SessionId, Token] = field(default_factory=dict)
    overdue: set[SessionId] = field(default_factory=set)
    """Their lease has expired, and nobody has claimed since."""
    died: set[SessionId] = field(default_factory=set)
    """Their lease expired, and no attempt has begun since."""
    fence: int = 0
    claims: dict[ProcessId, tuple[str, list[Lease]]] = field(default_factory=dict)
    barred: set[ProcessId] = field(default_factory=set)
    published: list[tuple[Any, ...]] = field(default_factory=list)

    @property
    def partition(self) -> Partition:
        return partition_of(self.user)

    def living(self, session: SessionId) -> Session | None:
        found = self.sessions.get(session)
        return None if found is None or found.is_gone else found

    def guest(self, user: UserId) -> Guest:
        return self.guests.setdefault(user, Guest())

    def next_tick(self) -> int:
        self.tick += 1
        return self.tick

    def next_token(self, process: ProcessId, nonce: str) -> Token:
        self.fence += 1
        return Token(f"{self.fence}:{process}:{nonce}")

    # What several calls do:

    def wake(self) -> None:
        self.published.append(("wake", str(self.partition)))

    def wake_to_stop(self, session: Session) -> None:
        assert session.turn
        self.published.append(("wake", f"stop {session.id} {session.turn.id}"))

    def tell(self, session: Session, type: str, body: dict[str, Any]) -> None:
        header = ("live", type, session.epoch, session.seq, NO_ORIGIN, session.top)
        self.published.append((session.id, *header, body))

    def tell_turn(self, session: Session, turn: str, attempt: int, status: str) -> None:
        body = {"type": "turn", "turn_id": turn, "attempt": attempt, "status": status}
        self.tell(session, "turn", body)

    def log(self, session: Session, frame: Frame, *, origin: ConnectionId) -> None:
        seq, id, type = Seq(session.seq + 1), frame.id, frame.type
        body = frame.open + f',"seq":{seq},"timestamp":"{TIMESTAMP}"}}'.encode()
        event = Event(seq, id, type, origin, body)
        session.log = [*session.log, Logged(event, frame.checkpoint)][-self.kept :]
        session.seq, session.top, session.active = seq, id, self.next_tick()
        self.published.append((session.id, "log", type, session.epoch, seq, origin, id, body))

    def make_ready(self, session: SessionId, *, rests: bool = False) -> None:
        if session not in self.ready:
            self.ready[session] = self.next_tick()
            if rests:
                self.resting.add(session)

    # What happens without a call:

    def rested(self) -> None:
        for session in self.resting:
            self.ready[session] = self.next_tick()
        self.resting.clear()

    def lose_meta(self, session: SessionId) -> None:
        self.sessions[session].is_gone = True

    def expire(self, session: SessionId) -> None:
        """All of its keys are gone; what distributes work still names it."""
        del self.sessions[session]


def resume_mail(turn: TurnId) -> Waiting:
    """What goes on with a turn that asked."""
    return Waiting(turn, Mail(MailKind.ANSWER, MessageId(turn), UserId(""), DeviceId("")))


def size_of(event: Event) -> int:
    return len(event.body)


def remember(session: Session, id: MessageId, seq: Seq) -> None:
    """The newest ids are kept; of two with one seq the first by name is older."""
    session.ids[id] = seq
    newest = sorted(session.ids.items(), key=lambda item: (item[1], item[0].encode()))
    session.ids = dict(newest[-limits.REMEMBERED :])
