"""One connection following one session: live while it can, from the log when it must."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from parley_core.domain.changes import Dropped, RolesChanged
from parley_core.domain.client_frames import Position
from parley_core.domain.errors import Refused
from parley_core.domain.events import Accepted, Attachment, Event, Top
from parley_core.domain.ids import Epoch, MessageId, Seq, SessionId, UserId
from parley_core.domain.members import Role
from parley_core.domain.server_frames import Ack, Turn
from parley_edge.belonging import Belonging
from parley_edge.domain.arrival import Arrival
from parley_edge.domain.framing import Place
from parley_edge.domain.greeting import greeted_at, greeting, turn_frame
from parley_edge.domain.standing import Verdict, is_agents
from parley_edge.edge import Edge
from parley_edge.patience import until_answered
from parley_edge.sink import Sink
from parley_edge.walking import Walking


class Follower(Walking):
    """Delivers a session to a connection by the verdicts of its `Reader`."""

    def __init__(
        self,
        sink: Sink,
        session: SessionId,
        *,
        edge: Edge,
        session_gone: Callable[[Follower], Coroutine[Any, Any, None]],
    ) -> None:
        """`session_gone` opens the session again: it does not exist any more."""
        super().__init__(sink)
        self.session = session
        self.user = sink.user
        self.role = Role.OWNER
        self._edge = edge
        self._session_gone = session_gone
        self._reading: asyncio.Task[None] | None = None
        self._is_over = False
        self._is_doubting = False
        self._turn_told: Turn | None = None
        self._belonging = Belonging(sink)

    # Beginning and end

    async def join(self) -> None:
        """From the return on, live frames come, and wait for `begin`. Raises `Unavailable`."""
        self.channel = await self._edge.hub.join(self)

    async def begin(self, page: Attachment, *, resumed_from: Position | None, fresh: bool) -> None:
        """Deliver what was read, then follow. `fresh`: it was read after the follower joined.

        What needs more than this page goes on in a task of its own, so that the client's texts
        are not held up.
        """
        if resumed_from is not None and page.proved:
            self.reader.resume_from(resumed_from)
        else:
            self.reader.restart(page)
        self._turn_told = turn_frame(page.turn) if page.turn else None
        self._belonging.begin(self)
        if fresh and not (page.proved and page.more):
            await self._catch_up(page)
        else:
            self._read_on(self._catch_up(page) if fresh else self._catch_up_late(page))

    def end(self) -> None:
        self._is_over = True
        self.reader.fall_behind()
        self._edge.hub.leave(self)
        self._release()

    def go_elsewhere(self) -> None:
        self._read_on(self._session_gone(self))

    @property
    def is_over(self) -> bool:
        return self._is_over or self._sink.is_closing

    # From the hub

    def arrived(self, arrival: Arrival) -> None:
        if self.is_over:
            return
        verdict = self.reader.offer(arrival)
        if verdict is Verdict.READ:
            self._fall_behind()
        elif verdict is not Verdict.DROP:
            self._deliver(verdict, arrival)
            self.fall_in()

    @property
    def people(self) -> frozenset[UserId]:
        return self._belonging.people

    def changed(self, change: RolesChanged | Dropped) -> None:
        self._belonging.changed(change, self)

    def doubt(self) -> None:
        """Frames may have been missed without a trace: stand still until `compare`."""
        self._is_doubting = self._is_doubting or not self.reader.behind
        self.reader.distrust()

    def compare(self, top: Top | None) -> None:
        """The log's newest event, read after `doubt`; None if the session is gone."""
        if not self._is_doubting or self.is_over:
            return
        self._is_doubting = False
        if top is not None and self.reader.stands_at(top):
            self._go_on(None)
        else:
            self._fall_behind()

    def recount(self) -> None:
        """Read in the log what the agent has not answered yet; `moved` says when it is known."""
        if not self.is_over and not self.reader.behind:
            self._fall_behind()

    # The connection's own texts

    def sending(self, message_id: MessageId) -> None:
        """A text is about to be appended."""
        self.step_out()
        self.own.message_id = message_id

    async def accepted(self, accepted: Accepted, message_id: MessageId) -> None:
        """Returns when the text's place in the order has come and its ack is out."""
        seq = accepted.seq or Seq(0)
        if self._lacks_place(accepted, message_id):
            if not self.reader.behind:
                await self._feed_reaches(seq)
            if self._lacks_place(accepted, message_id):
                await asyncio.wait({self._fall_behind()})
                self._lacks_place(accepted, message_id)
        if self.own.message_id == message_id:
            # Also if its place never came, because the log was cleared: accepted is accepted.
            self._ack(message_id, seq)
        self._sink.moved(behind=self.reader.behind)

    def _lacks_place(self, accepted: Accepted, message_id: MessageId) -> bool:
        """Whether frames before the text are missing; the feed or a read may have acked it."""
        if self.own.message_id != message_id or self.is_over:
            return False
        return self.reader.replied(accepted, message_id) is Verdict.READ

    async def _feed_reaches(self, seq: Seq) -> None:
        await self.own.reached(seq, begun=self.refocus)
        self.refocus()

    def _ack(self, message_id: MessageId, seq: Seq) -> None:
        self.own.settled(message_id)
        if self._sink.audience.gets_acks:
            self._sink.send(Ack(message_id=message_id, seq=seq))

    # Delivery

    def _deliver(self, verdict: Verdict, arrival: Arrival) -> None:
        frame = arrival.frame
        if verdict is Verdict.ACK:
            self._ack(frame.id, frame.seq)
        elif (rendered := arrival.renderings[self._sink.audience]) is not None:
            self._sink.outbox.write(rendered)
        if frame.is_log:
            self._release()
            self._sink.moved(behind=False)
        if self._sink.is_leaving and is_agents(frame):
            self.recount()  # It goes with the last answer, however many texts that answers.

    def _show(self, page: Attachment) -> None:
        for verdict, event in self.reader.take(page) if page.proved else ():
            if verdict is Verdict.ACK:
                self._ack(event.id, event.seq)
            else:
                self._replay(event, page.top.epoch)
        self._release()

    def _replay(self, event: Event, epoch: Epoch) -> None:
        place = Place(epoch, event.seq, event.id)
        rendered = self._sink.audience.render(event.type, event.body, place=place)
        if rendered is not None:
            self._sink.outbox.replay(rendered)

    def _release(self) -> None:
        """Let go of whoever waits for the cursor, if it came there or will not."""
        self.own.release(None if self.is_over else self.reader.standing.cursor.seq)

    # Catching up

    def _fall_behind(self) -> asyncio.Task[None]:
        """Read the log, once however often it is asked for."""
        self.reader.fall_behind()
        self._is_doubting = False
        self._sink.moved(behind=True)
        if self._reading is None or self._reading.done():
            return self._read_on(self._catch_up(None))
        return self._reading

    def _read_on(self, reading: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        self._reading = self._edge.tasks.spawn(self._supervise(reading), name="catch up")
        return self._reading

    async def _supervise(self, reading: Coroutine[Any, Any, None]) -> None:
        """Supervisor: a follower that cannot read on must not stay silent."""
        try:
            await reading
        except Exception:
            self._sink.broken()
            raise

    async def _catch_up(self, page: Attachment | None) -> None:
        """Page by page as the socket drains, until the reader is not behind any more."""
        while not self.is_over:
            if page is None:
                page = await self._read()
                if page is None:
                    return
                self._told(page)
            self._show(page)
            # Live frames must not wait behind a replay that the socket paces.
            await self._sink.drained()
            if not (page.proved and page.more):
                self._settle(page)
                if not self.reader.behind:
                    self._sink.moved(behind=False)
                    return
            page = None

    def _told(self, page: Attachment) -> None:
        """A position that is not proved is told, whatever the reason: never a silent gap."""
        if page.proved:
            return
        position = self.reader.position
        self.reader.restart(page)
        self._sink.replay(
            greeting(
                self.session,
                page,
                existed=True,
                resumed_from=position,
                plain=self._sink.audience.is_plain,
                server=self._edge.server,
                now=self._edge.now(),
            ),
            place=greeted_at(page, resumed_from=position),
        )

    def _settle(self, page: Attachment) -> None:
        turn = turn_frame(page.turn) if page.turn else None
        if turn and turn != self._turn_told and self._sink.audience.gets_turns:
            self._sink.send(turn)
        self._turn_told = turn
        piece = self.reader.lacking(page)
        if piece is not None and self._sink.audience.gets_deltas:
            self._sink.send(piece)
        self._go_on(page)

    def _go_on(self, page: Attachment | None) -> None:
        """What was kept, in its order; a hole in it is for the next read."""
        for verdict, arrival in self.reader.settle(page):
            self._deliver(verdict, arrival)
        if page is None and self.reader.behind:
            self._fall_behind()

    async def _read(self) -> Attachment | None:
        """The log after the cursor, however long Redis is away; None if this follower is over."""
        try:
            page = await until_answered(
                lambda: self._edge.conversations.attach(
                    self.session, user=self.user, position=self.reader.position
                ),
                is_over=lambda: self.is_over,
            )
        except Refused:
            self._sink.put_out()
            return None
        if page is None and not self.is_over:
            await self._session_gone(self)
        return page

    async def _catch_up_late(self, page: Attachment) -> None:
        """What was published before the follower joined is not in `page`: read once more."""
        self._show(page)
        if self.channel is None:
            await until_answered(self.join, is_over=lambda: self.is_over)
        await self._catch_up(None)
