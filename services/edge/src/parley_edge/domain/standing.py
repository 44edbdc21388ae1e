"""The order rule: a connection gets a session's log frames in seq order, without holes.

A standing is what one connection has of a session. It is a value, so all connections that have the
same share one, and what a frame is to them is judged once.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from parley_core.domain.cursor import Cursor, LiveText, Step
from parley_core.domain.ids import ConnectionId, Epoch, MessageId, Seq
from parley_core.domain.live import NO_ORIGIN, NOTICE, LiveFrame
from parley_core.domain.members import is_addressed
from parley_core.domain.server_frames import Delta

NO_TEXT = LiveText()


class Verdict(Enum):
    """What a frame is to a connection. READ: something is missing, which only the log has."""

    SEND = "send"
    ACK = "ack"
    DROP = "drop"
    READ = "read"


class Standing(NamedTuple):
    """A place in a session's log and live text."""

    cursor: Cursor
    text: LiveText = NO_TEXT
    unanswered: int = 0
    """Inputs that the agent has not answered yet: the log's own count when it was read last, and
    what came since. One turn may take several answers, and a text may end one that waits: then
    it is off by these until the log is read again."""

    def with_event(self, seq: Seq, id_: MessageId, *, more: int) -> Standing:
        """With the next event of the log, and so many `more` texts that the agent has to answer.

        Raises ValueError for any other event.
        """
        unanswered = max(0, self.unanswered + more)
        return Standing(self.cursor.advanced(seq, id_), self.text, unanswered)

    def with_text(self, turn_id: str, attempt: int, end: int) -> Standing:
        """With the live text up to `end` code points."""
        return self._replace(text=LiveText(turn_id, attempt, end))


def more_to_answer(origin: ConnectionId, body: bytes) -> int:
    """What a log frame adds to the texts that the agent has not answered."""
    if origin == NO_ORIGIN:
        return -1  # It writes one for each input.
    return 1 if origin != NOTICE and is_addressed(body) else 0


def is_agents(frame: LiveFrame) -> bool:
    """Whether the agent may have answered something with it: an event of its own, or a clear."""
    return frame.origin == NO_ORIGIN and (frame.is_log or frame.type == "system")


NOWHERE = Standing(Cursor(Epoch(""), Seq(0), MessageId("")))

Judgement = tuple[Verdict, Standing]


def judge(standing: Standing, frame: LiveFrame, delta: Delta | None) -> Judgement:
    """What a live frame is to whoever stands there and did not send it, and where they stand then.

    `delta` is the frame, if it is one.
    """
    if frame.is_log:
        return _judge_log(standing, frame)
    if frame.type == "system":
        return _judge_clear(standing, frame)
    # A live frame names the newest event: one that is not here yet was missed.
    if frame.epoch != standing.cursor.epoch or frame.seq > standing.cursor.seq:
        return Verdict.READ, standing
    return (Verdict.SEND, standing) if delta is None else _judge_delta(standing, delta)


def _judge_log(standing: Standing, frame: LiveFrame) -> Judgement:
    cursor = standing.cursor
    step = cursor.judge(frame.epoch, frame.seq)
    if step is Step.NEXT:
        more = more_to_answer(frame.origin, frame.body)
        return Verdict.SEND, standing.with_event(frame.seq, frame.id, more=more)
    # Another event at the cursor's own place: the log lost its tail and grew again.
    is_other = frame.seq == cursor.seq and frame.id != cursor.id
    if step is Step.KNOWN and not is_other:
        return Verdict.DROP, standing
    return Verdict.READ, standing


def _judge_clear(standing: Standing, frame: LiveFrame) -> Judgement:
    """A clear begins another epoch at the same seq: no hole for whoever stands there."""
    cursor = standing.cursor
    if frame.epoch == cursor.epoch:
        return Verdict.DROP, standing
    if (frame.seq, frame.id) != (cursor.seq, cursor.id):
        return Verdict.READ, standing
    cleared = Cursor(frame.epoch, frame.seq, frame.id)
    return Verdict.SEND, Standing(cleared, standing.text, standing.unanswered)


def _judge_delta(standing: Standing, delta: Delta) -> Judgement:
    step = standing.text.judge(delta.turn_id, delta.attempt, delta.offset)
    if step is Step.NEXT:
        end = delta.offset + len(delta.text)
        return Verdict.SEND, standing.with_text(delta.turn_id, delta.attempt, end)
    return Verdict.READ if step is Step.HOLE else Verdict.DROP, standing
