"""The session store as an edge sees it, in plain Python."""

from __future__ import annotations

from collections.abc import Collection

from msgspec.structs import replace

from parley_core.domain import limits
from parley_core.domain.client_frames import Position, Strategy
from parley_core.domain.codes import ErrorCode
from parley_core.domain.errors import Refused
from parley_core.domain.events import (
    Accepted,
    Attachment,
    Event,
    Glance,
    Listed,
    LiveTurn,
    Mail,
    MailKind,
    Opened,
    Stop,
    Top,
    TurnStatus,
)
from parley_core.domain.ids import (
    ConnectionId,
    DeviceId,
    Epoch,
    Seq,
    SessionId,
    TurnId,
    UserId,
    new_session_id,
)
from parley_core.domain.members import ReplyMode, Role
from parley_testing.session_model import (
    Frame,
    Model,
    Session,
    Waiting,
    remember,
    resume_mail,
    size_of,
)

ARCHIVED = "archived"


class EdgeModel:
    """`ports.Conversations`, as the sessions' owner opens them."""

    def __init__(self, model: Model) -> None:
        self.model = model

    def open(
        self,
        *,
        connection: ConnectionId,
        made: str,
        session: SessionId | None = None,
        new: bool = False,
        position: Position | None = None,
    ) -> Opened:
        """`made`: the nonce that a session and an epoch get if this call makes one."""
        model = self.model
        fresh = new_session_id(model.user, nonce=made)
        target = fresh if new else session or model.current or fresh
        if target == session and session not in model.roles and not model.living(session):
            raise Refused(ErrorCode.SESSION_NOT_FOUND, "")
        list_session(model, target)
        model.current = target
        found = model.living(target)
        is_new = found is None or (found.opener == connection and found.seq == 0)
        if found is None:
            found = Session(target, Epoch(made), connection, active=model.next_tick())
            model.sessions[target] = found
        return Opened(target, not is_new, attached(found, position))

    def attach(
        self, session: SessionId, *, user: UserId, position: Position | None
    ) -> Attachment | None:
        found = self.model.living(session)
        if found is None:
            return None
        if found.role_of(user, self.model.user) is None:
            raise Refused(ErrorCode.FORBIDDEN, "")
        return attached(found, position)

    def append(
        self,
        session: SessionId,
        mail: Mail,
        *,
        frame: bytes,
        origin: ConnectionId,
        value: bytes = b"",
    ) -> Accepted:
        model, found = self.model, self.model.living(session)
        if found is None:
            raise Refused(ErrorCode.SESSION_NOT_FOUND, "")
        self._check_role(found, mail)
        is_logged = mail.kind in {MailKind.TEXT, MailKind.ANSWER}
        if mail.message_id in found.ids:
            seq = found.ids[mail.message_id]
            return Accepted(seq if is_logged else None, found.epoch, repeated=True)
        is_for_agent = _is_addressed(found, mail)
        asked = _asked(found, mail, value) if is_for_agent else None
        if mail.kind is MailKind.ANSWER and not asked:
            raise Refused(ErrorCode.NO_SUCH_INTERRUPT, "")
        self._check(found, mail, is_answer=asked is not None, is_for_agent=is_for_agent)
        seq = Seq(found.seq + 1)
        if is_logged:
            frame += b"" if is_for_agent else b',"addressed":false'
            model.log(found, Frame(mail.message_id, "text", frame), origin=origin)
        model.spent[mail.user_id] = model.spent.get(mail.user_id, 0) + 1
        remember(found, mail.message_id, seq)
        if not is_for_agent:
            found.aside = mail.message_id
            return Accepted(seq, found.epoch, repeated=False, addressed=False)
        if asked:
            self._answer(found, asked, value)
        else:
            self._queue(found, mail)
        if session not in model.leases:
            model.make_ready(session)
            model.wake()
        return Accepted(seq if is_logged else None, found.epoch, repeated=False)

    def _answer(self, found: Session, interrupt: str, value: bytes) -> None:
        turn = found.turn
        assert turn
        turn.answers[interrupt] = value.decode()
        if turn.status is TurnStatus.WAITING:
            turn.status = TurnStatus.QUEUED
            found.mail.insert(0, resume_mail(turn.id))
            self.model.tell_turn(found, turn.id, turn.attempt, "queued")

    def _queue(self, found: Session, mail: Mail) -> None:
        model, turn, head = self.model, found.turn, found.head
        if found.aside and mail.kind is MailKind.TEXT:
            mail = replace(mail, unaddressed=found.aside, seq=found.seq)
        found.mail.append(Waiting(TurnId(mail.message_id), mail))
        model.tell_turn(found, mail.message_id, 0, "queued")
        replaces = mail.strategy in {Strategy.INTERRUPT, Strategy.ROLLBACK}
        stop = Stop(mail.strategy) if replaces else Stop.CANCEL
        if turn and not turn.stop and (replaces or (turn.waits and mail.kind is MailKind.TEXT)):
            turn.stop = stop
            model.wake_to_stop(found)
        elif not turn and head and replaces:
            found.stops.setdefault(head, stop)

    def _check_role(self, found: Session, mail: Mail) -> None:
        role = found.role_of(mail.user_id, self.model.user)
        if role in {None, Role.VIEWER} or (mail.kind is MailKind.CLEAR and role != Role.OWNER):
            raise Refused(ErrorCode.FORBIDDEN, "")

    def _check(self, found: Session, mail: Mail, *, is_answer: bool, is_for_agent: bool) -> None:
        is_full = len(found.ids) >= limits.REMEMBERED
        if mail.after is not None and is_full and min(found.ids.values()) > mail.after:
            # Ids above `after` may have been forgotten.
            raise Refused(ErrorCode.RETRY_TOO_OLD, "")
        if is_for_agent and len(found.mail) >= limits.MAILBOX:
            raise Refused(ErrorCode.BUSY, "")
        waits = is_for_agent and not is_answer
        if mail.strategy is Strategy.REJECT and waits and not _is_idle(found):
            raise Refused(ErrorCode.BUSY, "")
        if self.model.spent.get(mail.user_id, 0) >= self.model.burst:
            raise Refused(ErrorCode.RATE_LIMITED, "")

    def history(
        self, session: SessionId, *, before: Seq | None, limit: int, user: UserId
    ) -> tuple[tuple[Event, ...], bool]:
        found = self.model.sessions.get(session)
        is_nothing = before is not None and before <= 1
        if found and not (found.is_gone or is_nothing or found.role_of(user, self.model.user)):
            raise Refused(ErrorCode.FORBIDDEN, "")
        events = [logged.event for logged in found.log] if found else []
        older = [event for event in events if before is None or event.seq < before]
        return tuple(older[-limit:]), len(older) > limit

    def sessions(self) -> tuple[Listed, ...]:
        """Archived ones too."""
        model = self.model
        found = [each for session in model.roles if (each := model.living(session))]
        rows = [
            Listed(
                *(each.id, "owner", each.topic, each.seq, each.active, each.id == model.current),
                archived=model.roles[each.id] == ARCHIVED,
            )
            for each in found
        ]
        return tuple(sorted(rows, key=lambda row: -row.last_active))

    def glance(self, session: SessionId, people: Collection[UserId]) -> dict[SessionId, Glance]:
        found = self.model.living(session)
        if found is None:
            return {session: Glance(None, {})}
        roles = {user: found.role_of(user, self.model.user) for user in people}
        return {session: Glance(self.top(session), roles)}

    def top(self, session: SessionId) -> Top | None:
        found = self.model.living(session)
        return Top(found.epoch, found.seq, found.top) if found else None

    def cancel(self, session: SessionId, *, user: UserId, turn: TurnId | None) -> TurnId:
        model, found = self.model, self.model.living(session)
        if not found:
            raise Refused(ErrorCode.TURN_ENDED, "")
        if found.role_of(user, model.user) in {None, Role.VIEWER}:
            raise Refused(ErrorCode.FORBIDDEN, "")
        if found.turn and turn in {None, found.turn.id}:
            found.turn.stop = found.turn.stop or Stop.CANCEL
            model.wake_to_stop(found)
            if session not in model.leases:
                model.make_ready(session)
                model.wake()
            return found.turn.id
        queued = [each.turn for each in found.mail]
        wanted = queued[:1] if turn is None else [each for each in queued if each == turn]
        if not wanted:
            raise Refused(ErrorCode.TURN_ENDED, "")
        found.stops.setdefault(wanted[0], Stop.CANCEL)
        return wanted[0]

    def seen(self, session: SessionId, *, user: UserId, device: DeviceId, seq: Seq) -> None:
        found = self.model.living(session)
        if not found:
            return
        if found.role_of(user, self.model.user) is None:
            raise Refused(ErrorCode.FORBIDDEN, "")
        name = device if user == self.model.user else f"{user}\n{device}"
        found.seen[name] = max(found.seen.get(name, Seq(0)), min(seq, found.seq))

    def touch(self, session: SessionId) -> None:
        """Nothing but lifetimes, which are not modelled."""


def _is_addressed(found: Session, mail: Mail) -> bool:
    """Whether an input is for the agent."""
    if mail.kind is not MailKind.TEXT or found.reply is ReplyMode.ALWAYS:
        return True
    return found.reply is ReplyMode.MENTIONED and "@agent" in mail.content.lower()


def _asked(found: Session, mail: Mail, value: bytes) -> str | None:
    """The question that an input answers."""
    turn = found.turn
    if not turn or turn.stop:
        return None
    is_answer = mail.kind is MailKind.ANSWER or (turn.waits and value != b"")
    return turn.unanswered(mail.interrupt_id) if is_answer else None


def list_session(model: Model, target: SessionId) -> None:
    """On the list with it; expired ones off, and the oldest idle one archived if it is full."""
    roles = model.roles
    others = [each for each, role in roles.items() if role != ARCHIVED and each != target]
    living = [each for each in others if model.living(each)]
    is_full = len(living) >= model.max_sessions and roles.get(target) != "owner"
    idle = [each for each in map(model.sessions.__getitem__, living) if _is_idle(each)]
    if is_full and not idle:
        raise Refused(ErrorCode.SESSION_LIMIT, "")
    if is_full:
        roles[min(idle, key=lambda each: each.active).id] = ARCHIVED
    for each in set(others) - set(living):
        del roles[each]
    roles[target] = "owner"


def _is_idle(session: Session) -> bool:
    return session.turn is None and not session.mail


def attached(session: Session, position: Position | None) -> Attachment:
    """What a reader gets."""
    events = [logged.event for logged in session.log]
    proved = position is not None and _is_proved(session, position)
    if proved and position:
        page, more = _page([event for event in events if event.seq > position.seq])
    else:
        page, more = events[-limits.SNAPSHOT :], len(events) > limits.SNAPSHOT
    turn = session.turn
    return Attachment(
        Top(session.epoch, session.seq, session.top),
        proved,
        tuple(page),
        more,
        LiveTurn(turn.id, turn.attempt, turn.status, session.live or "") if turn else None,
        len(session.mail),
    )


def _is_proved(session: Session, position: Position) -> bool:
    """The reader's newest event is one of this log, and all after it is still there."""
    if position.epoch != session.epoch or position.seq > session.seq:
        return False
    kept = {logged.event.seq: logged.event.id for logged in session.log}
    if any(seq not in kept for seq in range(position.seq + 1, session.seq + 1)):
        return False
    if position.seq == 0 == session.floor:
        return True
    known = {session.floor: session.floor_id} | kept
    return position.id is not None and known.get(Seq(position.seq)) == position.id


def _page(events: list[Event]) -> tuple[list[Event], bool]:
    page: list[Event] = []
    for event in events:
        if page and sum(map(size_of, [*page, event])) > limits.PAGE:
            return page, True
        page.append(event)
    return page, False
