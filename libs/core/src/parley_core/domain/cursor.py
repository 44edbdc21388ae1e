"""Where a reader is in its session's log, and what the next live frame means for it.

Values: whoever stands at the same place may share them.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from parley_core.domain.ids import Epoch, MessageId, Seq


class Step(Enum):
    """What a log frame is to a reader."""

    NEXT = "next"
    KNOWN = "known"
    HOLE = "hole"
    OTHER_EPOCH = "other epoch"


class Cursor(NamedTuple):
    """The newest log frame that a reader has: every reader has all up to it, in order."""

    epoch: Epoch
    seq: Seq
    id: MessageId

    def judge(self, epoch: Epoch, seq: Seq) -> Step:
        """What the log frame at (epoch, seq) is to this reader."""
        if epoch != self.epoch:
            return Step.OTHER_EPOCH
        if seq == self.seq + 1:
            return Step.NEXT
        return Step.KNOWN if seq <= self.seq else Step.HOLE

    def advanced(self, seq: Seq, id: MessageId) -> Cursor:
        """Where the reader is with the next log frame. Raises ValueError for any other."""
        if seq != self.seq + 1:
            raise ValueError(f"expected seq {self.seq + 1}, got {seq}")
        return Cursor(self.epoch, seq, id)


class LiveText(NamedTuple):
    """The answer being written as a reader has it: which attempt, and how far in code points.

    The deltas of the newest attempt, joined by offset, must be a prefix of the answer, so a piece
    goes out only where the last one ended.
    """

    turn_id: str = ""
    attempt: int = 0
    end: int = 0

    def judge(self, turn_id: str, attempt: int, offset: int) -> Step:
        """What a delta is to this reader. A new attempt must begin at offset 0."""
        if turn_id == self.turn_id and attempt < self.attempt:
            return Step.KNOWN
        expected = self.end if (turn_id, attempt) == (self.turn_id, self.attempt) else 0
        if offset == expected:
            return Step.NEXT
        return Step.KNOWN if offset < expected else Step.HOLE
