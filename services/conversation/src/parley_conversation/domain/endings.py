"""How a turn ends: what goes into the log, and what becomes of the turn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from parley_conversation.domain.answer import Answer, Finish, answer_id
from parley_conversation.domain.resuming import Question
from parley_core.domain import server_frames
from parley_core.domain.codes import ErrorCode
from parley_core.domain.events import Asked, Lease, Mail, TurnStatus
from parley_core.domain.ids import MessageId, SessionId, TurnId

ROLLED_BACK = "This message was taken back before it was answered."


class Ending(NamedTuple):
    """What a turn's commit needs. `frame` is open: the store numbers and closes it."""

    id: MessageId
    type: str
    frame: bytes
    status: TurnStatus
    checkpoint: str = ""
    topic: str | None = None


def answered(lease: Lease, turn: TurnId, answer: Answer, *, checkpoint: str) -> Ending:
    """The agent's text. `checkpoint` is where the conversation could be looked back to."""
    name = answer_id(lease, turn)
    frame = server_frames.Text(
        message_id=name,
        session_id=lease.session,
        role="assistant",
        content=answer.text,
        turn_id=turn,
        finish=answer.finish,
    )
    return Ending(name, "text", server_frames.encode_open(frame), TurnStatus.DONE, checkpoint)


def cancelled(lease: Lease, turn: TurnId, text: str) -> Ending:
    """The agent's text as far as it was written."""
    done = answered(lease, turn, Answer(text, Finish.CANCELLED), checkpoint="")
    return done._replace(status=TurnStatus.CANCELLED)


def rolled_back(lease: Lease, turn: TurnId) -> Ending:
    """The input is as if it had not been said."""
    return _without_answer(
        lease, turn, ErrorCode.TURN_ROLLED_BACK, ROLLED_BACK, TurnStatus.ROLLED_BACK
    )


def failed(lease: Lease, turn: TurnId, message: str) -> Ending:
    """No answer; `message` is one sentence that the user can act on."""
    return _without_answer(lease, turn, ErrorCode.TURN_FAILED, message, TurnStatus.FAILED)


def asked(lease: Lease, turn: TurnId, questions: Sequence[Question]) -> Asked:
    """The agent's questions; each time that a turn asks, it does so under another lease."""
    name = answer_id(lease, turn)
    frame = server_frames.InputRequest(
        message_id=name,
        session_id=lease.session,
        turn_id=turn,
        interrupts=[
            server_frames.Interrupt(interrupt_id=each.interrupt_id, value=each.shown)
            for each in questions
        ],
    )
    interrupts = tuple(each.interrupt_id for each in questions)
    return Asked(name, server_frames.encode_open(frame), interrupts)


def _without_answer(
    lease: Lease, turn: TurnId, code: ErrorCode, message: str, status: TurnStatus
) -> Ending:
    name = answer_id(lease, turn)
    frame = server_frames.Error(
        code=code, message=message, message_id=name, turn_id=turn, session_id=lease.session
    )
    return Ending(name, "error", server_frames.encode_open(frame), status)


def topic_switched(session: SessionId, mail: Mail) -> Ending:
    """The conversation has another topic from here on; the frame has the command's own id."""
    frame = server_frames.System(session_id=session, topic=mail.topic, message_id=mail.message_id)
    opened = server_frames.encode_open(frame)
    return Ending(mail.message_id, "system", opened, TurnStatus.DONE, topic=mail.topic)
