"""One ordered stream out of the frames of many connections.

Connections end, overlap and repeat themselves; a log frame is given on exactly once, in seq order,
and so is each piece of an answer that is being written. What is only live has no number: where two
connections overlap, the second one's repetitions of the first one's newest frames are known by
being equal and in the same order.
"""

from __future__ import annotations

from collections import deque
from typing import TypeVar

from msgspec import UNSET, UnsetType

from parley.domain.events import Event, Received, Snapshot, Unknown, decode_all, place
from parley_core.domain import server_frames as wire
from parley_core.domain.client_frames import Position
from parley_core.domain.cursor import Cursor, LiveText, Step
from parley_core.domain.ids import Epoch, MessageId, Seq

T = TypeVar("T")

OVERLAP = 1_000
"""Frames that are only live and may come a second time. Policy past it: the oldest is given on
again, if it comes again."""


class Hole(Exception):
    """A log frame came without the one before it: this connection cannot be trusted any more."""


class Inbox:
    """What a client has, and what of the next frame is new to it."""

    def __init__(self) -> None:
        self.session_id: str | None = None
        self._cursor: Cursor | None = None
        self._writing = LiveText()
        self._had: deque[Received] = deque(maxlen=OVERLAP)
        """What was only live and came since the next connection was dialed."""
        self._is_second = False

    @property
    def position(self) -> Position | None:
        """The newest log frame of the stream, to resume from; None before the first `system`."""
        if self._cursor is None:
            return None
        return Position(self._cursor.epoch, self._cursor.seq, self._cursor.id or None)

    def attach(self, system: wire.System, *, resumed: Position | None) -> Snapshot | None:
        """A connection begins. `resumed` is what its `auth` asked for; None: nothing was missed.

        Raises `Hole` if the `system` does not say where the session is.
        """
        self._is_second = True
        if resumed and system.recovered is True and system.epoch == resumed.epoch:
            return None
        if resumed and self._stands_at(system):
            # A clear that came over the connection before: the log begins where the stream is.
            return None
        return self._move(system, gap=resumed is not None)

    def begin_overlap(self) -> None:
        """From now on what comes over this connection may come over the next one too."""
        self._had.clear()
        self._is_second = False

    def _stands_at(self, system: wire.System) -> bool:
        cursor = self._cursor
        return (
            cursor is not None
            and system.session_id == self.session_id
            and (system.epoch, system.seq, system.id) == (cursor.epoch, cursor.seq, cursor.id)
        )

    def accept(self, frame: Received) -> Event | None:
        """What of `frame` is new to the stream; None if nothing is. Raises `Hole`."""
        match frame:
            case wire.Delta():
                return self._piece(frame)
            case wire.Heartbeat() | wire.Reconnect() | wire.History():
                return None
            case wire.System():
                return self._system(frame)
            case wire.Event() | wire.Turn() | wire.Typing() | wire.Presence():
                return self._live_only(frame)
        seq = place(frame)
        return frame if seq is None else self._logged(frame, seq)

    def _live_only(self, frame: Received) -> Received | None:
        """None for what the connection before has brought already."""
        if not self._is_second:
            self._had.append(frame)
            return frame
        while self._had:
            if self._had.popleft() == frame:
                return None
        return frame

    def _system(self, system: wire.System) -> Event | None:
        if system.request_id is not UNSET and system.recovered is not UNSET:
            return self._move(system, gap=False)
        if system.recovered is False:
            return self._move(system, gap=True)
        if system.cleared is True:
            return self._clear(system)
        seq = place(system)
        return None if seq is None else self._logged(system, seq)

    def _move(self, system: wire.System, *, gap: bool) -> Snapshot:
        session, epoch, seq = system.session_id, system.epoch, system.seq
        if (
            isinstance(session, UnsetType)
            or isinstance(epoch, UnsetType)
            or isinstance(seq, UnsetType)
        ):
            raise Hole("the server did not say where the session is")
        self.session_id = session
        id = _known(system.id, "")
        self._cursor = Cursor(Epoch(epoch), Seq(seq), MessageId(id))
        self._writing = LiveText()
        return Snapshot(
            session_id=session,
            position=Position(epoch, seq, id or None),
            frames=decode_all(_known(system.history, [])),
            has_more=_known(system.has_more, default=False),
            gap=gap,
        )

    def _clear(self, system: wire.System) -> Event | None:
        cursor = self._started()
        epoch, seq = _known(system.epoch, ""), _known(system.seq, cursor.seq)
        if epoch == cursor.epoch:
            return None
        if seq > cursor.seq:
            raise Hole(f"the log was cleared at {seq}, and {cursor.seq} was the last frame")
        self._cursor = Cursor(Epoch(epoch), cursor.seq, cursor.id)
        return system

    def _logged(self, frame: Received, seq: int) -> Received | None:
        cursor = self._started()
        step = cursor.judge(cursor.epoch, Seq(seq))
        if step is Step.NEXT:
            self._cursor = cursor.advanced(Seq(seq), MessageId(_id_of(frame)))
            return frame
        # An ack beyond the next frame answers a repeat: the text itself comes with the replay.
        if step is Step.HOLE and not isinstance(frame, wire.Ack):
            raise Hole(f"expected seq {cursor.seq + 1}, got {seq}")
        return None

    def _piece(self, delta: wire.Delta) -> wire.Delta | None:
        """The part of a delta that is new; what cannot be joined is left to the committed text."""
        writing = self._writing
        known = (delta.turn_id, delta.attempt) == (writing.turn_id, writing.attempt)
        step = writing.judge(delta.turn_id, delta.attempt, delta.offset)
        end = delta.offset + len(delta.text)
        if step is Step.HOLE or (step is Step.KNOWN and not (known and end > writing.end)):
            return None
        fresh = delta
        if step is Step.KNOWN:
            text = delta.text[writing.end - delta.offset :]
            fresh = wire.Delta(
                turn_id=delta.turn_id, attempt=delta.attempt, offset=writing.end, text=text
            )
        self._writing = LiveText(delta.turn_id, delta.attempt, end)
        return fresh

    def _started(self) -> Cursor:
        if self._cursor is None:
            raise Hole("a frame came before the first system")
        return self._cursor


def _id_of(frame: Received) -> str:
    match frame:
        case wire.Text() | wire.InputRequest() | wire.Ack():
            return frame.message_id
        case wire.System() | wire.Error() | Unknown():
            return _known(frame.message_id, "")
        case _:
            return ""


def _known(value: T | UnsetType, default: T) -> T:
    return default if isinstance(value, UnsetType) else value
