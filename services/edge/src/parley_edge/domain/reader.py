"""The order rule: a connection gets a session's log frames in seq order, without holes.

One `Reader` decides for one connection in one session what each frame is: something to send,
something that it has, or the sign of a hole, which only a read of the log can close. It is
`behind` from the start and after each hole until a read has caught up; what comes live meanwhile
is kept and judged afterwards. A frame that shows a hole is not kept: the read that closes the hole
comes later than the frame and has it.

The connection's own text is not sent to it: an ack takes its place. The reply of the append and
the live frame race; whichever comes first moves the cursor, the other is then known.
"""

from __future__ import annotations

from enum import Enum

from parley_core.domain.client_frames import Position
from parley_core.domain.cursor import Cursor, LiveText, Step
from parley_core.domain.events import Attachment, Event, Top
from parley_core.domain.ids import ConnectionId, Epoch, MessageId, Seq
from parley_core.domain.live import NO_ORIGIN, NOTICE
from parley_core.domain.server_frames import Delta
from parley_edge.domain.arrival import Arrival

KEPT = 262_144
"""Bytes of live frames kept while behind. Past it they go, and the log is read once more."""


_STEPS = {NO_ORIGIN: -1, NOTICE: 0}
"""What a log frame's origin changes in the number of unanswered inputs; all others are inputs."""


class Verdict(Enum):
    """What a frame is to the connection."""

    SEND = "send"
    ACK = "ack"
    DROP = "drop"
    READ = "read"


class Reader:
    """The position of one connection in one session's log and live text."""

    __slots__ = (
        "_deltas",
        "_dropped",
        "_kept",
        "_kept_bytes",
        "_me",
        "behind",
        "cursor",
        "live",
        "unanswered",
    )

    def __init__(self, me: ConnectionId, *, deltas: bool) -> None:
        self._me = me
        self._deltas = deltas
        self.cursor = Cursor(Epoch(""), Seq(0), MessageId(""))
        self.live = LiveText()
        self.behind = True
        self.unanswered = 0
        """Texts of users that the agent has not answered yet, as far as this reader saw."""
        self._kept: list[Arrival] = []
        self._kept_bytes = 0
        self._dropped = False

    @property
    def position(self) -> Position:
        """What to read the log from."""
        return Position(self.cursor.epoch, self.cursor.seq, self.cursor.id or None)

    def stands_at(self, top: Top) -> bool:
        """Whether the reader has exactly what the log has."""
        mine = self.cursor
        return (mine.epoch, mine.seq, mine.id) == (top.epoch, top.seq, top.id)

    def distrust(self) -> None:
        """Frames may have been missed without a trace, and those kept may be of a lost tail.

        Nothing is delivered until the log was read, or the position was compared with it.
        """
        self._take_kept()
        self._dropped = self.behind
        self.behind = True

    # What comes live

    def offer(self, arrival: Arrival) -> Verdict:
        """Judge a live frame. READ: from now on the reader is behind."""
        if self.behind:
            self._keep(arrival)
            return Verdict.DROP
        verdict = self._judge(arrival)
        self.behind = verdict is Verdict.READ
        return verdict

    def _judge(self, arrival: Arrival) -> Verdict:
        frame = arrival.frame
        if frame.is_log:
            return self._judge_log(frame.epoch, frame.seq, frame.id, frame.origin)
        if frame.type == "system":
            return self._judge_clear(frame.epoch, frame.seq, frame.id)
        # A live frame names the newest event: one that is not here yet was missed.
        if frame.epoch != self.cursor.epoch or frame.seq > self.cursor.seq:
            return Verdict.READ
        if frame.origin == self._me:
            return Verdict.DROP
        return self._judge_delta(arrival) if frame.type == "delta" else Verdict.SEND

    def _judge_log(self, epoch: Epoch, seq: Seq, id_: MessageId, origin: ConnectionId) -> Verdict:
        step = self.cursor.judge(epoch, seq)
        if step is Step.KNOWN:
            # Another event at the cursor's own place: the log lost its tail and grew again.
            is_other = seq == self.cursor.seq and id_ != self.cursor.id
            return Verdict.READ if is_other else Verdict.DROP
        if step is not Step.NEXT:
            return Verdict.READ
        self._advance(seq, id_, origin)
        return Verdict.ACK if origin == self._me else Verdict.SEND

    def _judge_clear(self, epoch: Epoch, seq: Seq, id_: MessageId) -> Verdict:
        """A clear begins another epoch at the same seq: no hole for a reader that stands there."""
        if epoch == self.cursor.epoch:
            return Verdict.DROP
        if (seq, id_) != (self.cursor.seq, self.cursor.id):
            return Verdict.READ
        self.cursor = Cursor(epoch, seq, id_)
        self.unanswered = max(0, self.unanswered - 1)
        return Verdict.SEND

    def _judge_delta(self, arrival: Arrival) -> Verdict:
        if not self._deltas:
            return Verdict.DROP
        delta = arrival.delta
        step = self.live.judge(delta.turn_id, delta.attempt, delta.offset)
        if step is Step.HOLE:
            return Verdict.READ
        if step is Step.KNOWN:
            return Verdict.DROP
        self.live.advance(delta.turn_id, delta.attempt, delta.offset + len(delta.text))
        return Verdict.SEND

    def _advance(self, seq: Seq, id_: MessageId, origin: ConnectionId) -> None:
        self.cursor.advance(seq, id_)
        # The agent writes one log frame for each input.
        step = _STEPS.get(origin, 1)
        self.unanswered = max(0, self.unanswered + step)

    def _keep(self, arrival: Arrival) -> None:
        self._kept.append(arrival)
        self._kept_bytes += len(arrival.frame.body)
        if self._kept_bytes > KEPT:
            self._take_kept()
            self._dropped = True

    def _take_kept(self) -> list[Arrival]:
        kept, self._kept, self._kept_bytes = self._kept, [], 0
        return kept

    # The reply of the connection's own append

    def replied(self, epoch: Epoch, seq: Seq, id_: MessageId, *, repeated: bool) -> Verdict:
        """Judge the place that the store gave to the connection's own text.

        SEND never comes. READ: frames before it are missing, ask again when they have come.
        """
        if self.behind and not (epoch == self.cursor.epoch and seq <= self.cursor.seq):
            return Verdict.READ
        step = self.cursor.judge(epoch, seq)
        if step is Step.KNOWN:
            # A new event where the reader has one already: the log lost the tail that it saw.
            return Verdict.ACK if repeated else Verdict.READ
        if step is not Step.NEXT:
            return Verdict.READ
        self._advance(seq, id_, self._me)
        return Verdict.ACK

    # What was read from the log

    def resume_from(self, position: Position) -> None:
        """Stand where the client says that it is; the read says whether that is proved."""
        self.cursor = Cursor(Epoch(position.epoch), Seq(position.seq), MessageId(position.id or ""))

    def take(self, page: Attachment) -> list[tuple[Verdict, Event]]:
        """The events of a proved page that are new, each as SEND or ACK.

        Raises ValueError if the page has a hole, which the store never gives.
        """
        news = []
        for event in page.events:
            if event.seq > self.cursor.seq:
                self._advance(event.seq, event.id, event.origin)
                own = event.origin == self._me
                news.append((Verdict.ACK if own else Verdict.SEND, event))
        return news

    def restart(self, page: Attachment) -> None:
        """Stand at the top: the client was told what it cannot be given."""
        self.cursor = Cursor(page.top.epoch, page.top.seq, page.top.id)
        self.live = LiveText()
        self.unanswered = 1 if page.turn is not None else 0

    def lacking(self, page: Attachment) -> Delta | None:
        """The piece of the live text that the reader does not have; it has it afterwards."""
        turn = page.turn
        if turn is None or not turn.text or not self._deltas:
            return None
        attempt = (turn.turn_id, turn.attempt)
        offset = self.live.end if attempt == (self.live.turn_id, self.live.attempt) else 0
        if offset >= len(turn.text):
            return None
        self.live.advance(turn.turn_id, turn.attempt, len(turn.text))
        return Delta(
            turn_id=turn.turn_id, attempt=turn.attempt, offset=offset, text=turn.text[offset:]
        )

    def settle(self, page: Attachment | None) -> list[tuple[Verdict, Arrival]]:
        """What was kept, judged; `page` is the last one read, None if none was needed.

        Still `behind` afterwards: read once more.
        """
        self.behind, self._dropped = self._dropped, False
        news: list[tuple[Verdict, Arrival]] = []
        for arrival in self._take_kept():
            is_stale = page is not None and self._is_stale(arrival, page)
            verdict = Verdict.DROP if is_stale else self._judge(arrival)
            if verdict is Verdict.READ:
                # The next read has this frame and those after it.
                self.behind = True
                break
            if verdict is not Verdict.DROP:
                news.append((verdict, arrival))
        return news

    def _is_stale(self, arrival: Arrival, page: Attachment) -> bool:
        """Whether a live-only frame may speak of something that ended before the page was read."""
        frame = arrival.frame
        if frame.is_log or frame.type == "system":
            return False
        if frame.epoch == self.cursor.epoch and frame.seq >= page.top.seq:
            return False
        if frame.type != "delta" or page.turn is None:
            return True
        return arrival.delta.turn_id != page.turn.turn_id
