"""How a turn ends: what goes into the log, and what becomes of the turn."""

from __future__ import annotations

from typing import NamedTuple

from parley_conversation.domain.answer import Answer, answer_id
from parley_core.domain import server_frames
from parley_core.domain.codes import ErrorCode
from parley_core.domain.events import Lease, Mail, TurnStatus
from parley_core.domain.ids import MessageId, SessionId, TurnId


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


def failed(lease: Lease, turn: TurnId, message: str) -> Ending:
    """No answer; `message` is one sentence that the user can act on."""
    name = answer_id(lease, turn)
    frame = server_frames.Error(
        code=ErrorCode.TURN_FAILED,
        message=message,
        message_id=name,
        turn_id=turn,
        session_id=lease.session,
    )
    return Ending(name, "error", server_frames.encode_open(frame), TurnStatus.FAILED)


def topic_switched(session: SessionId, mail: Mail) -> Ending:
    """The conversation has another topic from here on; the frame has the command's own id."""
    frame = server_frames.System(session_id=session, topic=mail.topic, message_id=mail.message_id)
    opened = server_frames.encode_open(frame)
    return Ending(mail.message_id, "system", opened, TurnStatus.DONE, topic=mail.topic)
