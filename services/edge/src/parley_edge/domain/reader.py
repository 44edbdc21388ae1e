"""One connection's reading of one session: live while it can, behind until a read caught up.

A reader is `behind` from the start and after each hole until a read has caught up; what comes live
meanwhile is kept and judged afterwards. A frame that shows a hole is not kept: the read that closes
the hole comes later than the frame and has it.

The connection's own text is not sent to it: an ack takes its place. The reply of the append and
the live frame race; whichever comes first moves the standing, the other is then known.
"""

from __future__ import annotations

from parley_core.domain.client_frames import Position
from parley_core.domain.cursor import Cursor, Step
from parley_core.domain.events import Accepted, Attachment, Event, Top
from parley_core.domain.ids import ConnectionId, Epoch, MessageId, Seq
from parley_core.domain.server_frames import Delta
from parley_edge.domain.arrival import Arrival
from parley_edge.domain.standing import NOWHERE, Standing, Verdict, more_to_answer

KEPT = 262_144
"""Bytes of live frames kept while behind. Past it they go, and the log is read once more."""


class Kept:
    """What came live while a reader was behind."""

    __slots__ = ("arrivals", "is_cut", "size")

    def __init__(self) -> None:
        self.arrivals: list[Arrival] = []
        self.size = 0
        self.is_cut = False
        """Some of it is gone, or may be of a lost tail: the log has to be read once more."""

    def add(self, arrival: Arrival) -> None:
        self.arrivals.append(arrival)
        self.size += len(arrival.frame.body)
        if self.size > KEPT:
            self.cut()

    def cut(self) -> None:
        self.arrivals, self.size, self.is_cut = [], 0, True


class Reader:
    """The position of one connection in one session's log and live text."""

    __slots__ = ("_kept", "_me", "_stood", "live")

    def __init__(self, me: ConnectionId) -> None:
        self._me = me
        self._stood = NOWHERE
        self._kept: Kept | None = Kept()
        self.live: Standing | None = None
        """Where it stands while it follows live; None while it is behind."""

    @property
    def standing(self) -> Standing:
        return self.live or self._stood

    @property
    def behind(self) -> bool:
        return self.live is None

    @property
    def position(self) -> Position:
        """What to read the log from."""
        cursor = self.standing.cursor
        return Position(cursor.epoch, cursor.seq, cursor.id or None)

    def stands_at(self, top: Top) -> bool:
        """Whether the reader has exactly what the log has."""
        return self.standing.cursor == (top.epoch, top.seq, top.id)

    def fall_behind(self) -> Kept:
        """Keep what comes until the log was read. Idempotent."""
        if self.live is not None:
            self._stood, self.live = self.live, None
        self._kept = self._kept or Kept()
        return self._kept

    def distrust(self) -> None:
        """Frames may have been missed without a trace, and those kept may be of a lost tail.

        Nothing is delivered until the log was read, or the position was compared with it.
        """
        was_behind = self.behind
        kept = self.fall_behind()
        kept.cut()
        kept.is_cut = was_behind

    # What comes live

    def offer(self, arrival: Arrival) -> Verdict:
        """Judge a live frame. READ: from now on the reader is behind."""
        if self.live is None:
            self.fall_behind().add(arrival)
            return Verdict.DROP
        verdict = self._judge(arrival)
        if verdict is Verdict.READ:
            self.fall_behind()
        return verdict

    def _judge(self, arrival: Arrival) -> Verdict:
        verdict, after = arrival.judged_from(self.standing)
        self._stand(after)
        if verdict is Verdict.SEND and arrival.frame.origin == self._me:
            return Verdict.ACK if arrival.frame.is_log else Verdict.DROP
        return verdict

    def _stand(self, standing: Standing) -> None:
        if self.live is None:
            self._stood = standing
        else:
            self.live = standing

    # The reply of the connection's own append

    def replied(self, accepted: Accepted, id_: MessageId) -> Verdict:
        """Judge the place that the store gave to the connection's own text.

        SEND never comes. READ: frames before it are missing, ask again when they have come.
        """
        cursor, epoch, seq = self.standing.cursor, accepted.epoch, accepted.seq or Seq(0)
        if self.behind and not (epoch == cursor.epoch and seq <= cursor.seq):
            return Verdict.READ
        step = cursor.judge(epoch, seq)
        if step is Step.KNOWN:
            # A new event where the reader has one already: the log lost the tail that it saw.
            return Verdict.ACK if accepted.repeated else Verdict.READ
        if step is not Step.NEXT:
            return Verdict.READ
        self._stand(self.standing.with_event(seq, id_, more=int(accepted.addressed)))
        return Verdict.ACK

    # What was read from the log

    def resume_from(self, position: Position) -> None:
        """Stand where the client says that it is; the read says whether that is proved."""
        at = Cursor(Epoch(position.epoch), Seq(position.seq), MessageId(position.id or ""))
        self._stand(Standing(at))

    def take(self, page: Attachment) -> list[tuple[Verdict, Event]]:
        """The events of a proved page that are new, each as SEND or ACK.

        Raises ValueError if the page has a hole, which the store never gives.
        """
        news = []
        for event in page.events:
            standing = self.standing
            if event.seq > standing.cursor.seq:
                more = more_to_answer(event.origin, event.body)
                self._stand(standing.with_event(event.seq, event.id, more=more))
                own = event.origin == self._me
                news.append((Verdict.ACK if own else Verdict.SEND, event))
        return news

    def restart(self, page: Attachment) -> None:
        """Stand at the top: the client was told what it cannot be given."""
        at = Cursor(page.top.epoch, page.top.seq, page.top.id)
        self._stand(Standing(at, unanswered=page.unanswered))

    def lacking(self, page: Attachment) -> Delta | None:
        """The piece of the live text that the reader does not have; it has it afterwards."""
        turn, text = page.turn, self.standing.text
        if turn is None or not turn.text:
            return None
        is_same = (turn.turn_id, turn.attempt) == (text.turn_id, text.attempt)
        offset = text.end if is_same else 0
        if offset >= len(turn.text):
            return None
        self._stand(self.standing.with_text(turn.turn_id, turn.attempt, len(turn.text)))
        return Delta(
            turn_id=turn.turn_id, attempt=turn.attempt, offset=offset, text=turn.text[offset:]
        )

    def settle(self, page: Attachment | None) -> list[tuple[Verdict, Arrival]]:
        """What was kept, judged; `page` is the last one read, None if none was needed.

        Still `behind` afterwards: read once more.
        """
        kept = self._kept or Kept()
        self.live, self._kept = self._stood if self.live is None else self.live, None
        if page is not None and self.stands_at(page.top):
            self.live = self.live._replace(unanswered=page.unanswered)
        news: list[tuple[Verdict, Arrival]] = []
        for arrival in kept.arrivals:
            is_stale = page is not None and self._is_stale(arrival, page)
            verdict = Verdict.DROP if is_stale else self._judge(arrival)
            if verdict is Verdict.READ:
                # The next read has this frame and those after it.
                self.fall_behind()
                return news
            if verdict is not Verdict.DROP:
                news.append((verdict, arrival))
        if kept.is_cut:
            self.fall_behind()
        return news

    def _is_stale(self, arrival: Arrival, page: Attachment) -> bool:
        """Whether a live-only frame may speak of something that ended before the page was read."""
        frame, cursor = arrival.frame, self.standing.cursor
        if frame.is_log or frame.type == "system":
            return False
        if frame.epoch == cursor.epoch and frame.seq >= page.top.seq:
            return False
        delta = arrival.delta
        return delta is None or page.turn is None or delta.turn_id != page.turn.turn_id
