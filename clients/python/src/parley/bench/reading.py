"""A device's record, read: what its connections were told about logs, turns and texts.

Reading judges nothing. It knows the protocol, and nothing of the SDK that produced the record.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

import msgspec
from msgspec import UNSET, UnsetType

from parley.bench.record import DeviceRecord, Entry
from parley.connection import Way
from parley.domain.events import Received, Unknown, decode
from parley_core.domain import client_frames
from parley_core.domain import server_frames as wire
from parley_core.domain.client_frames import Position


class Kind(StrEnum):
    """What a place in a log holds."""

    ACK = "ack"
    INPUT = "input"
    ANSWER = "answer"
    FAILURE = "failure"
    QUESTION = "question"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Place:
    """A log frame, or the ack that stands for one. `turn`: the turn that it ends or asks in."""

    session: str
    epoch: str
    seq: int
    id: str
    kind: Kind
    turn: str = ""
    content: str = ""
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Attached:
    """A connection was told where it is.

    `resumed`: what it asked for; `snapshot`: the frames inside; `asked`: the client itself asked
    to move, to this session or another.
    """

    session: str
    epoch: str
    seq: int
    id: str
    recovered: bool
    resumed: Position | None
    asked: bool
    snapshot: tuple[Place, ...]

    @property
    def is_resumed(self) -> bool:
        """Nothing was missed, says the server."""
        return self.recovered and not self.asked

    @property
    def is_gap(self) -> bool:
        """Something may have been missed, and the client was told."""
        return not self.asked and not self.recovered


@dataclass(frozen=True, slots=True)
class Cleared:
    """The log began a new epoch and goes on after `seq`."""

    session: str
    epoch: str
    seq: int
    id: str


@dataclass(frozen=True, slots=True)
class Page:
    """Log frames that the client asked for."""

    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Piece:
    """A delta; with no text, word of an attempt."""

    turn: str
    attempt: int
    offset: int
    text: str


@dataclass(frozen=True, slots=True)
class Said:
    """The client sent a text (again)."""

    id: str


@dataclass(frozen=True, slots=True)
class Denied:
    """The server answered with an error that is not the log's; `id`: what it was about, or ''."""

    id: str
    code: str


What = Denied | Attached | Cleared | Page | Place | Piece | Said


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened on a connection. `at`: seconds of the recorder's clock."""

    connection: int
    at: float
    what: What


@dataclass(frozen=True, slots=True)
class Reading:
    """A device's record as steps, in the order in which they happened."""

    user: str
    device: str
    stayed: bool
    steps: tuple[Step, ...]


@dataclass(slots=True)
class _Socket:
    """What a frame's meaning depends on: log frames do not name their epoch."""

    resume: Position | None = None
    session: str = ""
    epoch: str = ""
    attached: bool = False


@dataclass(slots=True)
class _Reader:
    sockets: dict[int, _Socket] = field(default_factory=dict)

    def read(self, entry: Entry) -> What | None:
        socket = self.sockets.setdefault(entry.connection, _Socket())
        data = entry.data.encode()
        match entry.way:
            case Way.SENT:
                return _sent(socket, data)
            case Way.RECEIVED:
                return _received(socket, decode(data), data)
            case Way.CLOSED:
                return None


def read(record: DeviceRecord) -> Reading:
    """Raises `msgspec.DecodeError` if a server sent what is no frame."""
    return Reading(record.user_id, record.device_id, record.stayed, tuple(_steps(record)))


def _steps(record: DeviceRecord) -> Iterator[Step]:
    reader = _Reader()
    for entry in record.entries:
        what = reader.read(entry)
        if what is not None:
            yield Step(entry.connection, entry.at, what)


def _sent(socket: _Socket, data: bytes) -> Said | None:
    frame = client_frames.decode(data)
    match frame:
        case client_frames.Auth():
            socket.resume = frame.resume
        case client_frames.Text(message_id=str(message_id)):
            return Said(message_id)
    return None


def _received(socket: _Socket, frame: Received, data: bytes) -> What | None:
    match frame:
        case wire.System():
            return _system(socket, frame, data)
        case wire.History():
            return Page(_places(socket, frame.messages))
        case wire.Delta():
            return Piece(frame.turn_id, frame.attempt, frame.offset, frame.text)
        case wire.Turn() if frame.attempt > 0:
            return Piece(frame.turn_id, frame.attempt, 0, "")
        case wire.Error() if frame.seq is UNSET:
            return Denied(_str(frame.message_id), frame.code)
        case _:
            return _place(socket, frame, data)


def _system(socket: _Socket, system: wire.System, data: bytes) -> What | None:
    if system.recovered is not UNSET:
        return _attached(socket, system)
    if system.cleared is True:
        socket.epoch = str(system.epoch)
        return Cleared(socket.session, socket.epoch, _int(system.seq), str(system.id))
    return _place(socket, system, data)


def _attached(socket: _Socket, system: wire.System) -> Attached:
    first, socket.attached = not socket.attached, True
    socket.session, socket.epoch = str(system.session_id), str(system.epoch)
    history = [] if isinstance(system.history, UnsetType) else system.history
    return Attached(
        session=socket.session,
        epoch=socket.epoch,
        seq=_int(system.seq),
        id="" if isinstance(system.id, UnsetType) else system.id,
        recovered=system.recovered is True,
        resumed=socket.resume if first else None,
        asked=system.request_id is not UNSET or (first and socket.resume is None),
        snapshot=_places(socket, history),
    )


def _places(socket: _Socket, frames: list[msgspec.Raw]) -> tuple[Place, ...]:
    bodies = [bytes(frame) for frame in frames]
    places = (_place(socket, decode(body), body) for body in bodies)
    return tuple(place for place in places if place is not None)


def _place(socket: _Socket, frame: Received, body: bytes) -> Place | None:
    """The place that a frame has in the log; None if it has none."""
    turn: str | UnsetType
    id_: str | UnsetType
    match frame:
        case wire.Ack():
            return Place(socket.session, socket.epoch, frame.seq, frame.message_id, Kind.ACK)
        case wire.Text(seq=int(seq)):
            kind = Kind.ANSWER if frame.role == "assistant" else Kind.INPUT
            turn, id_, content = frame.turn_id, frame.message_id, frame.content
        case wire.Error(seq=int(seq)):
            kind, content, id_ = Kind.FAILURE, "", frame.message_id
            turn = frame.message_id if frame.turn_id is UNSET else frame.turn_id
        case wire.InputRequest(seq=int(seq)):
            kind, turn, id_, content = Kind.QUESTION, frame.turn_id, frame.message_id, ""
        case wire.System(seq=int(seq)) | Unknown(seq=int(seq)) if _is_logged(frame):
            kind, turn, id_, content = Kind.OTHER, "", frame.message_id, ""
        case _:
            return None
    return Place(socket.session, socket.epoch, seq, _str(id_), kind, _str(turn), content, body)


def _is_logged(frame: wire.System | Unknown) -> bool:
    return isinstance(frame, Unknown) or frame.request_id is UNSET


def _str(value: str | UnsetType) -> str:
    return "" if isinstance(value, UnsetType) else value


def _int(value: int | UnsetType) -> int:
    return -1 if isinstance(value, UnsetType) else value
