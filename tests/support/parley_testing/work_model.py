"""The session store as a worker sees it, in plain Python."""

from __future__ import annotations

import msgspec

from parley_core.domain import limits
from parley_core.domain.codes import ErrorCode
from parley_core.domain.errors import Barred, Refused, StaleToken
from parley_core.domain.events import Asked, Begun, Inbox, Lease, Stop, TurnStatus
from parley_core.domain.ids import Epoch, MessageId, ProcessId, Seq, Token, TurnId, UserId
from parley_core.domain.live import NO_ORIGIN
from parley_testing.session_model import (
    Ended,
    Frame,
    Model,
    OpenTurn,
    Session,
    Waiting,
    resume_mail,
)

STALE = StaleToken("")


class WorkModel:
    """`ports.Work` of one process."""

    def __init__(self, model: Model, *, process: ProcessId) -> None:
        self.model = model
        self.process = process

    def claim(self, *, room: int, nonce: str, after_silence: bool = False) -> tuple[Lease, ...]:
        """`after_silence`: nobody has swept for longer than workers wait."""
        model = self.model
        if after_silence:
            model.overdue.clear()
        if self.process in model.barred:
            raise Barred("")
        last, claimed = model.claims.get(self.process, ("", []))
        if last == nonce:
            return tuple(each for each in claimed if model.leases.get(each.session) == each.token)
        for session in sorted(model.overdue):
            del model.leases[session]
            model.died.add(session)
            model.make_ready(session)
        model.overdue.clear()
        waiting = sorted(set(model.ready) - model.resting, key=lambda each: model.ready[each])
        leases = []
        for session in waiting[:room]:
            del model.ready[session]
            model.leases[session] = model.next_token(self.process, nonce)
            leases.append(Lease(session, model.leases[session]))
        if leases:
            model.claims[self.process] = (nonce, leases)
        return tuple(leases)

    def inbox(self, lease: Lease) -> Inbox:
        self._hold(lease)
        found = self.model.living(lease.session)
        if found is None:
            return Inbox(None, None, None, UserId(""), "", Epoch(""), 0)
        return Inbox(
            found.head,
            found.mail[0].mail if found.mail else None,
            found.turn.of_inbox(found.live or "") if found.turn else None,
            self.model.user,
            found.topic,
            found.epoch,
            0,
            len(found.members),
        )

    def renew(self, lease: Lease) -> Stop | None:
        self._hold(lease)
        self.model.overdue.discard(lease.session)
        found = self.model.living(lease.session)
        return found.stop if found else None

    def say(self, lease: Lease, *, type: str, frame: bytes) -> Stop | None:
        self._hold(lease)
        found = self.model.living(lease.session)
        if not found:
            raise STALE
        self.model.tell(found, type, msgspec.json.decode(frame))
        return found.stop

    def release(self, lease: Lease, *, counted: bool) -> None:
        model, found = self.model, self.model.living(lease.session)
        current = model.leases.get(lease.session)
        if current is None and found and found.released == lease.token:
            return
        self._hold(lease)
        self._give_back(lease)
        has_work = found is not None and (bool(found.mail) or found.stop is not None)
        if not found or not found.turn or not has_work:
            model.died.discard(lease.session)
        if found is None:
            return
        found.released = lease.token
        rests = counted and found.turn is not None
        if rests and found.turn:
            found.turn.counted += 1
        if has_work:
            model.make_ready(lease.session, rests=rests)
            model.wake()

    def begin(self, lease: Lease, *, turn: TurnId, base: str, checkpoint: str, nonce: str) -> Begun:
        model, found = self.model, self.model.living(lease.session)
        current = model.leases.get(lease.session)
        if found is None or current is None:
            raise STALE
        opened = found.turn
        if current != lease.token:
            mine = current.partition(":")[2] == f"{self.process}:{nonce}"
            if not mine or not opened or (opened.id, opened.nonce) != (turn, nonce):
                raise STALE
            return self._begun(opened, current)
        has_died = lease.session in model.died
        model.died.discard(lease.session)
        attempt, counted, first_base = 1, 0, checkpoint
        if opened and opened.id == turn:
            attempt, first_base = opened.attempt + 1, opened.base
            counted = opened.counted + (has_died and opened.checkpoint == checkpoint)
        model.leases[lease.session] = model.next_token(self.process, nonce)
        again = found.turn_called(turn)
        found.turn = OpenTurn(
            *(turn, attempt, counted, TurnStatus.RUNNING, checkpoint, first_base, nonce, len(base)),
            stop=again.stop if again else found.stops.pop(turn, None),
            asks=again.asks if again else (),
            answers=again.answers if again else {},
        )
        found.live = base
        model.tell_turn(found, turn, attempt, "running")
        if base:
            self._tell_delta(found, turn, attempt, 0, base)
        return self._begun(found.turn, model.leases[lease.session])

    def _begun(self, turn: OpenTurn, token: Token) -> Begun:
        exhausted = turn.counted >= limits.COUNTED_ATTEMPTS
        return Begun(token, turn.attempt, exhausted, turn.stop)

    def delta(
        self, lease: Lease, *, turn: TurnId, attempt: int, offset: int, text: str
    ) -> Stop | None:
        self._hold(lease)
        found = self.model.living(lease.session)
        opened = found.turn if found else None
        if not found or not opened or (opened.id, opened.attempt) != (turn, attempt):
            raise STALE
        if opened.offset is None:
            raise STALE
        if offset > opened.offset:
            raise ValueError("hole")
        if offset == opened.offset:
            found.live = (found.live or "") + text
            opened.offset += len(text)
            self._tell_delta(found, turn, attempt, offset, text)
        return opened.stop

    def commit(
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
        found, first = self._ending(lease, turn)
        if first is not None:
            return first
        opened = found.turn_called(turn)
        if status is TurnStatus.DONE and opened and opened.stop:
            raise Refused(ErrorCode.TURN_ENDED, "")
        if found.head != turn and (status is TurnStatus.DONE or not opened):
            raise Refused(ErrorCode.TURN_ENDED, "")
        if topic is not None:
            found.topic = topic
        answered = Frame(answer, type, frame, checkpoint)
        return self._end(lease, found, turn, answered, status=status, release=release)

    def wait(self, lease: Lease, *, turn: TurnId, asked: Asked, checkpoint: str) -> Seq:
        found, first = self._ending(lease, turn)
        if first is not None:
            return first
        opened = found.turn_called(turn)
        if not opened or opened.stop:
            raise Refused(ErrorCode.TURN_ENDED, "")
        kept = {each: told for each, told in opened.answers.items() if each in asked.interrupts}
        question = Frame(asked.id, "input_request", asked.frame, checkpoint)
        seq = self._end(
            *(lease, found, turn, question),
            status=TurnStatus.WAITING,
            release=True,
            next_mail=resume_mail(turn) if kept else None,
        )
        opened.status = TurnStatus.QUEUED if kept else TurnStatus.WAITING
        opened.nonce = opened.offset = None
        opened.asks, opened.answers = asked.interrupts, kept
        found.turn = opened
        return seq

    def clear(self, lease: Lease, *, turn: TurnId, nonce: str) -> None:
        found, first = self._ending(lease, turn)
        if first is not None:
            return
        if found.head != turn:
            raise Refused(ErrorCode.TURN_ENDED, "")
        found.log, found.live, found.turn = [], None, None
        found.stops.pop(turn, None)
        found.mail.pop(0)
        found.aside = MessageId("")
        found.epoch, found.floor, found.floor_id = Epoch(nonce), found.seq, found.top
        found.active = self.model.next_tick()
        found.ended = Ended(turn, found.seq, lease.token)
        self.model.died.discard(lease.session)
        body = {"type": "system", "session_id": found.id, "epoch": nonce, "seq": found.seq}
        body |= {"id": found.top, "message_id": turn, "cleared": True}
        self.model.tell(found, "system", body)

    def evict(self, process: ProcessId) -> int:
        """Of another process, as `ports.Processes` has it."""
        model = self.model
        held = [
            session
            for session, token in model.leases.items()
            if token.split(":", 1)[1].rpartition(":")[0] == process
        ]
        for session in sorted(held):
            self._give_back(Lease(session, model.leases[session]))
            model.make_ready(session)
        model.claims.pop(process, None)
        return len(held)

    def _hold(self, lease: Lease) -> None:
        if self.model.leases.get(lease.session) != lease.token:
            raise STALE

    def _give_back(self, lease: Lease) -> None:
        del self.model.leases[lease.session]
        self.model.overdue.discard(lease.session)

    def _ending(self, lease: Lease, turn: TurnId) -> tuple[Session, Seq | None]:
        """The session, and the first reply if this repeats its last end."""
        found = self.model.living(lease.session)
        ended = found.ended if found else None
        if found and ended and (ended.turn, ended.token) == (turn, lease.token):
            return found, ended.seq
        self._hold(lease)
        if found is None:
            raise STALE
        return found, None

    def _end(
        self,
        lease: Lease,
        found: Session,
        turn: TurnId,
        frame: Frame,
        *,
        status: TurnStatus,
        release: bool,
        next_mail: Waiting | None = None,
    ) -> Seq:
        model, opened = self.model, found.turn_called(turn)
        attempt = opened.attempt if opened else 1
        model.log(found, frame, origin=NO_ORIGIN)
        if opened:
            found.turn, found.live = None, None
        found.stops.pop(turn, None)
        found.ended = Ended(turn, found.seq, lease.token)
        model.died.discard(lease.session)
        if found.head == turn:
            found.mail.pop(0)
        if next_mail:
            found.mail.insert(0, next_mail)
        model.tell_turn(found, turn, attempt, status)
        if release:
            self._give_back(lease)
            if found.mail:
                model.make_ready(lease.session)
                model.wake()
        return found.seq

    def _tell_delta(
        self, found: Session, turn: TurnId, attempt: int, offset: int, text: str
    ) -> None:
        body = {"type": "delta", "turn_id": turn, "attempt": attempt, "offset": offset}
        self.model.tell(found, "delta", body | {"text": text})
