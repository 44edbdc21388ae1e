"""The order rule against a plain model: a log, a lossy channel, and a reader in between."""

from __future__ import annotations

from collections import deque

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from parley_core.domain.client_frames import Position
from parley_core.domain.events import Accepted, Attachment, Event, LiveTurn, Top, TurnStatus
from parley_core.domain.ids import ConnectionId, Epoch, MessageId, Seq, TurnId
from parley_core.domain.live import NO_ORIGIN, LiveFrame
from parley_core.domain.server_frames import Delta, encode
from parley_edge.domain.arrival import Arrival
from parley_edge.domain.reader import KEPT, Reader
from parley_edge.domain.standing import Verdict

ME = ConnectionId("me")
OTHER = ConnectionId("other")
PAGE = 2
"""Events that one read gives."""


class Session:
    """The store's side: log, epochs, live text, and what it publishes."""

    def __init__(self) -> None:
        self.epoch = Epoch("e0")
        self.floor = Seq(0)
        self.floor_id = MessageId("")
        self.log: list[Event] = []
        self.turn = 0
        self.attempt = 0
        self.text = ""
        self.mail = 0
        """Inputs that the agent has to answer; one that it is at is among them."""
        self.questions = 0
        """That the turn asked, and nobody answered."""
        self.waits = False
        self.count = 0
        self.published: deque[LiveFrame] = deque()

    @property
    def top(self) -> Top:
        if not self.log:
            return Top(self.epoch, self.floor, self.floor_id)
        return Top(self.epoch, self.log[-1].seq, self.log[-1].id)

    def append(self, origin: ConnectionId) -> Event:
        self.count += 1
        event = Event(Seq(self.top.seq + 1), MessageId(f"m{self.count}"), "text", origin, b"{}")
        self.log.append(event)
        self._publish("text", b"{}", is_log=True, origin=origin)
        return event

    def input(self, origin: ConnectionId) -> Event:
        self.mail += 1
        return self.append(origin)

    def ask(self, count: int) -> None:
        """The turn waits for its answers."""
        self.append(NO_ORIGIN)
        self.mail -= 1
        self.questions, self.waits = count, True

    def answer(self, origin: ConnectionId) -> Event:
        """The first one wakes the turn; others are only kept for it."""
        self.mail += self.waits
        self.questions, self.waits = self.questions - 1, False
        return self.append(origin)

    def begin(self) -> None:
        if not self.turn:
            self.count += 1
            self.turn, self.attempt = self.count, 0
        self.attempt += 1
        self.text = ""

    def write(self, text: str) -> None:
        delta = Delta(
            turn_id=f"t{self.turn}", attempt=self.attempt, offset=len(self.text), text=text
        )
        self.text += text
        self._publish("delta", encode(delta))

    def commit(self) -> None:
        self.append(NO_ORIGIN)
        self.mail -= 1
        self.end_turn()

    def end_turn(self) -> None:
        self.turn, self.text, self.questions, self.waits = 0, "", 0, False

    def clear(self) -> None:
        top = self.top
        self.count += 1
        self.epoch, self.floor, self.floor_id = Epoch(f"e{self.count}"), top.seq, top.id
        self.log = []
        self.end_turn()
        self._publish("system", b"{}")

    def page(self, reader: Reader) -> Attachment:
        at = reader.standing.cursor
        known = {event.seq: event.id for event in self.log} | {self.floor: self.floor_id}
        proved = at.epoch == self.epoch and known.get(at.seq) == at.id
        after = [event for event in self.log if event.seq > at.seq]
        events = after[:PAGE] if proved else self.log[-PAGE:]
        more = len(after) > PAGE if proved else len(self.log) > PAGE
        turn = None
        if self.turn:
            status = TurnStatus.WAITING if self.waits else TurnStatus.RUNNING
            turn = LiveTurn(TurnId(f"t{self.turn}"), self.attempt, status, self.text)
        return Attachment(self.top, proved, tuple(events), more, turn, self.mail)

    def _publish(
        self, type_: str, body: bytes, *, is_log: bool = False, origin: ConnectionId = NO_ORIGIN
    ) -> None:
        top = self.top
        self.published.append(LiveFrame(is_log, type_, top.epoch, top.seq, origin, top.id, body))


class OrderRule(RuleBasedStateMachine):
    """What the client is given must be the log, in order, or it is told."""

    @initialize()
    def attach(self) -> None:
        self.session = Session()
        self.reader = Reader(ME)
        self.given: list[Event | LiveFrame] = []
        """Since the client was told where it stands."""
        self.stands = self.session.top
        self.texts: dict[tuple[str, int], str] = {}
        self.acked: list[MessageId] = []
        self.replies: deque[tuple[Epoch, Event]] = deque()
        self.hub_newest = (Epoch(""), Seq(0))
        self._first_read()

    def _first_read(self) -> None:
        self.reader.restart(self.session.page(self.reader))
        self._told()

    def _told(self) -> None:
        self.stands = self.session.top
        self.given = []

    # The world

    @rule(origin=st.sampled_from([ME, OTHER]))
    def somebody_writes(self, origin: ConnectionId) -> None:
        self._said(self.session.input(origin))

    @precondition(lambda self: self.session.questions)
    @rule(origin=st.sampled_from([ME, OTHER]))
    def somebody_answers(self, origin: ConnectionId) -> None:
        self._said(self.session.answer(origin))

    def _said(self, event: Event) -> None:
        if event.origin == ME:
            self.replies.append((self.session.epoch, event))

    @precondition(lambda self: self.session.mail)
    @rule()
    def agent_begins(self) -> None:
        self.session.begin()

    @precondition(lambda self: self.session.turn)
    @rule(text=st.text(min_size=1, max_size=3))
    def agent_writes(self, text: str) -> None:
        self.session.write(text)

    @precondition(lambda self: self.session.turn and self.session.mail and not self.session.waits)
    @rule(count=st.integers(1, 3))
    def agent_asks(self, count: int) -> None:
        self.session.ask(count)

    @precondition(lambda self: self.session.turn and self.session.mail and not self.session.waits)
    @rule()
    def agent_commits(self) -> None:
        self.session.commit()

    @rule()
    def somebody_clears(self) -> None:
        self.session.clear()

    @precondition(lambda self: self.session.log)
    @rule(count=st.integers(1, 3), delivered=st.booleans())
    def redis_loses_its_tail(self, *, count: int, delivered: bool) -> None:
        """What was lost may have been seen. The feed's connection goes with the primary."""
        if delivered:
            self.frames_arrive(len(self.session.published))
        del self.session.log[-count:]
        self.session.end_turn()
        self.the_feed_is_lost()

    # The edge

    @precondition(lambda self: self.session.published)
    @rule(count=st.integers(1, 8))
    def frames_arrive(self, count: int) -> None:
        for _ in range(min(count, len(self.session.published))):
            frame = self.session.published.popleft()
            self._doubt_if_seen_before(frame)
            arrival = Arrival(frame)
            self._take(self.reader.offer(arrival), arrival)

    def _doubt_if_seen_before(self, frame: LiveFrame) -> None:
        if frame.is_log:
            epoch, seq = self.hub_newest
            self.hub_newest = (frame.epoch, frame.seq)
            if epoch == frame.epoch and frame.seq <= seq:
                self.reader.distrust()

    @rule()
    def the_feed_is_lost(self) -> None:
        self.session.published.clear()
        self.reader.distrust()

    @precondition(lambda self: self.session.published)
    @rule()
    def a_frame_is_lost_in_silence(self) -> None:
        if not self.session.published[0].is_log:
            self.session.published.popleft()

    @precondition(lambda self: self.replies)
    @rule()
    def the_append_is_answered(self) -> None:
        epoch, event = self.replies.popleft()
        if event.id in self.acked:
            return
        verdict = self.reader.replied(Accepted(event.seq, epoch, repeated=False), event.id)
        if verdict is Verdict.READ:
            self.reader.fall_behind()
        elif verdict is Verdict.ACK:
            self.acked.append(event.id)
            self.given.append(event)

    @precondition(lambda self: self.reader.behind)
    @rule()
    def the_log_is_read(self) -> None:
        page = self.session.page(self.reader)
        if not page.proved:
            self.reader.restart(page)
            self._told()
        for verdict, event in self.reader.take(page) if page.proved else ():
            self.given.append(event)
            if verdict is Verdict.ACK:
                self.acked.append(event.id)
        if page.proved and page.more:
            return
        piece = self.reader.lacking(page)
        if piece is not None:
            self._write(piece)
        for verdict, arrival in self.reader.settle(page):
            self._take(verdict, arrival)

    def _take(self, verdict: Verdict, arrival: Arrival) -> None:
        frame = arrival.frame
        if verdict is Verdict.ACK:
            assert frame.origin == ME
            self.acked.append(frame.id)
        if verdict not in {Verdict.SEND, Verdict.ACK}:
            return
        if frame.is_log:
            self.given.append(frame)
        elif frame.type == "system":
            self.given = []
            self.stands = Top(frame.epoch, frame.seq, frame.id)
        else:
            delta = arrival.delta
            assert delta is not None
            self._write(delta)

    def _write(self, delta: Delta) -> None:
        key = (delta.turn_id, delta.attempt)
        assert delta.offset in {0, len(self.texts.get(key, ""))}
        self.texts[key] = self.texts.get(key, "")[: delta.offset] + delta.text

    # What must hold

    @invariant()
    def log_frames_come_in_order_and_without_holes(self) -> None:
        places = [frame.seq for frame in self.given]
        assert places == list(range(self.stands.seq + 1, self.stands.seq + 1 + len(places)))

    @invariant()
    def nothing_is_acknowledged_twice_by_the_log(self) -> None:
        assert len(self.acked) == len(set(self.acked))

    @invariant()
    def deltas_are_a_prefix_of_the_text(self) -> None:
        session = self.session
        mine = self.texts.get((f"t{session.turn}", session.attempt), "")
        assert not session.turn or session.text.startswith(mine)

    @invariant()
    def nobody_who_waits_for_an_answer_is_idle(self) -> None:
        is_up_to_date = not self.reader.behind and self.reader.stands_at(self.session.top)
        if is_up_to_date and not self.session.published:
            assert self.reader.standing.unanswered >= self.session.mail

    def teardown(self) -> None:
        if not hasattr(self, "session"):
            return
        while self.session.published:
            self.frames_arrive(8)
        if not self.reader.stands_at(self.session.top):
            self.reader.distrust()
        self.reader.fall_behind()
        for _ in range(100):
            if self.reader.behind:
                self.the_log_is_read()

        assert not self.reader.behind
        assert self.reader.standing.unanswered == self.session.mail
        assert self.reader.stands_at(self.session.top)
        stored = {event.seq: event.id for event in self.session.log}
        assert all(stored[frame.seq] == frame.id for frame in self.given)


OrderRule.TestCase.settings = settings(max_examples=300, stateful_step_count=40, deadline=None)
TestOrderRule = OrderRule.TestCase


def log_frame(seq: int, *, size: int = 2, epoch: str = "e0") -> Arrival:
    body = b"x" * size
    return Arrival(
        LiveFrame(
            is_log=True,
            type="text",
            epoch=Epoch(epoch),
            seq=Seq(seq),
            origin=OTHER,
            id=MessageId(f"m{seq}"),
            body=body,
        )
    )


def reader_at(session: Session) -> Reader:
    reader = Reader(ME)
    reader.restart(session.page(reader))
    reader.settle(session.page(reader))
    return reader


def test_what_comes_while_behind_is_bounded_and_then_read_once_more() -> None:
    reader = Reader(ME)
    page = Session().page(reader)

    for seq in range(1, 5):
        reader.offer(log_frame(seq, size=KEPT // 3))
    reader.restart(page)
    reader.settle(page)

    assert reader.behind


def test_a_live_frame_that_is_ahead_of_the_log_shows_the_hole() -> None:
    session = Session()
    reader = reader_at(session)
    session.append(OTHER)
    session.begin()
    session.write("x")

    verdict = reader.offer(Arrival(session.published[-1]))

    assert verdict is Verdict.READ
    assert reader.behind


def test_a_clear_is_no_hole_for_a_reader_that_stands_there() -> None:
    session = Session()
    session.append(OTHER)
    reader = reader_at(session)
    session.clear()

    verdict = reader.offer(Arrival(session.published[-1]))

    assert verdict is Verdict.SEND
    assert reader.stands_at(session.top)


def test_an_old_epochs_frame_is_read_away_and_not_for_ever() -> None:
    session = Session()
    reader = Reader(ME)
    session.append(OTHER)
    reader.offer(Arrival(session.published[0]))
    session.clear()
    page = session.page(reader)
    reader.restart(page)

    reader.settle(page)
    was_behind = reader.behind
    reader.settle(session.page(reader))

    assert was_behind
    assert not reader.behind


def test_texts_without_an_answer_are_counted() -> None:
    session = Session()
    reader = reader_at(session)

    for say in (lambda: session.input(OTHER), lambda: session.input(ME), session.commit):
        say()
        reader.offer(Arrival(session.published[-1]))

    assert reader.standing.unanswered == 1


def test_a_new_event_where_the_reader_has_one_shows_a_lost_tail() -> None:
    reader = Reader(ME)
    epoch = Epoch("e0")
    top = Top(epoch, Seq(5), MessageId("five"))
    page = Attachment(top=top, proved=False, events=(), more=False, turn=None, unanswered=0)
    reader.restart(page)
    reader.settle(page)

    verdict = reader.replied(Accepted(Seq(4), epoch, repeated=False), MessageId("mine"))

    assert verdict is Verdict.READ


def test_who_resumes_in_the_middle_of_a_turn_waits_for_its_answer() -> None:
    session = Session()
    asked = session.input(OTHER)
    session.begin()
    reader = Reader(ME)

    reader.resume_from(Position(session.epoch, asked.seq, asked.id))
    page = session.page(reader)
    reader.take(page)
    reader.settle(page)

    assert reader.standing.unanswered == 1


def test_answers_that_one_turn_took_together_are_counted_when_the_log_is_read() -> None:
    session = Session()
    session.input(OTHER)
    session.begin()
    session.ask(2)
    reader = reader_at(session)

    for say in (lambda: session.answer(OTHER), lambda: session.answer(OTHER), session.commit):
        say()
        reader.offer(Arrival(session.published[-1]))
    counted = reader.standing.unanswered
    reader.fall_behind()
    reader.settle(session.page(reader))

    assert (counted, reader.standing.unanswered) == (1, 0)
