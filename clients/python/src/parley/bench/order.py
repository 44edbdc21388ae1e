"""Each connection by itself: log frames in seq order without holes, gaps told, texts whole."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from parley.bench.reading import Attached, Cleared, Kind, Piece, Place, Reading, What
from parley.bench.violations import Invariant, Violation


def judge_connections(reading: Reading) -> Iterator[Violation]:
    """What is wrong on the device's connections, each judged from where it began."""
    by_connection: dict[int, list[What]] = defaultdict(list)
    for step in reading.steps:
        by_connection[step.connection].append(step.what)
    for number, whats in by_connection.items():
        where = f"{reading.user}/{reading.device}#{number}"
        yield from _judge_sequence(whats, where=where)
        yield from _judge_texts(whats, where=where)


@dataclass(slots=True)
class _Track:
    """How far a connection has come. `early`: acks of repeats, whose texts are still to come."""

    where: str
    session: str = ""
    epoch: str = ""
    last: int = 0
    missing: dict[int, str] = field(default_factory=dict)
    early: set[int] = field(default_factory=set)
    acked: dict[int, str] = field(default_factory=dict)

    def attach(self, told: Attached) -> Iterator[Violation]:
        if not told.is_resumed:
            yield from self.holes()
            self.session, self.epoch, self.last = told.session, told.epoch, told.seq
            self.early.clear()
            self.acked.clear()
            return
        at = told.resumed
        if at is not None:
            self.session, self.epoch, self.last = told.session, at.epoch, at.seq
        if told.epoch != self.epoch or told.seq < self.last:
            detail = f"recovered at {told.epoch}:{told.seq}, but had {self.epoch}:{self.last}"
            yield self._found(Invariant.HONEST_GAP, detail)

    def clear(self, cleared: Cleared) -> None:
        self._jump(cleared.seq + 1)
        self.epoch = cleared.epoch

    def place(self, place: Place) -> Iterator[Violation]:
        seq = place.seq
        if seq in self.missing:
            del self.missing[seq]
            yield self._found(Invariant.ORDER, f"{seq} came after {self.last}")
        elif place.kind is Kind.ACK:
            self._ack(place)
        elif seq > self.last:
            yield from self._ahead(seq)
        elif self.acked.pop(seq, None) != place.id:
            yield self._found(Invariant.ORDER, f"{seq} came again after {self.last}")

    def _ack(self, ack: Place) -> None:
        if ack.seq == self.last + 1:
            self.last = ack.seq
            self.acked[ack.seq] = ack.id
        elif ack.seq > self.last:
            self.early.add(ack.seq)

    def _ahead(self, seq: int) -> Iterator[Violation]:
        self._jump(seq)
        self.last = seq
        for early in sorted(self.early & self.missing.keys()):
            if early == min(self.missing):
                yield self._found(Invariant.ORDER, f"the ack of {early} came before its turn")
            # Otherwise what is missing below it explains why it came early.
        for early in self.early:
            self.missing.pop(early, None)

    def _jump(self, seq: int) -> None:
        for missed in range(self.last + 1, seq):
            self.missing[missed] = self.epoch
        self.last = max(self.last, seq - 1)

    def holes(self) -> Iterator[Violation]:
        """What never came. Call when the connection ended."""
        for missed, epoch in self.missing.items():
            yield self._found(Invariant.HONEST_GAP, f"{epoch}:{missed} never came")
        self.missing.clear()

    def _found(self, invariant: Invariant, detail: str) -> Violation:
        return Violation(invariant, self.where, detail)


def _judge_sequence(whats: list[What], *, where: str) -> Iterator[Violation]:
    track = _Track(where)
    for what in whats:
        match what:
            case Attached():
                yield from track.attach(what)
            case Cleared():
                track.clear(what)
            case Place():
                yield from track.place(what)
    yield from track.holes()


@dataclass(slots=True)
class _Writing:
    """The newest attempt at an answer, as far as this connection has it."""

    attempt: int = 0
    text: str = ""
    broken: bool = False

    def join(self, piece: Piece) -> str | None:
        """What is wrong with this piece, if anything is."""
        if self.broken or (piece.attempt < self.attempt and not piece.text):
            return None
        if piece.attempt < self.attempt:
            return self._break(f"attempt {piece.attempt} wrote after attempt {self.attempt}")
        if piece.attempt > self.attempt:
            self.attempt, self.text = piece.attempt, ""
        if not piece.text:
            return None
        known = self.text[piece.offset :]
        if piece.offset > len(self.text):
            return self._break(f"a piece at {piece.offset} after {len(self.text)} characters")
        if not (piece.text.startswith(known) or known.startswith(piece.text)):
            return self._break(f"the piece at {piece.offset} differs from the one before")
        if len(piece.text) > len(known):
            self.text = self.text[: piece.offset] + piece.text
        return None

    def _break(self, detail: str) -> str:
        self.broken = True
        return detail


def _judge_texts(whats: list[What], *, where: str) -> Iterator[Violation]:
    """An answer is judged where a connection saw both its pieces and its commit."""
    writings: dict[str, _Writing] = defaultdict(_Writing)
    for what in whats:
        match what:
            case Attached(asked=True):
                writings.clear()
            case Piece():
                wrong = writings[what.turn].join(what)
                if wrong is not None:
                    yield Violation(Invariant.WHOLE_TEXT, where, f"turn {what.turn}: {wrong}")
            case Place(kind=Kind.ANSWER):
                writing = writings.pop(what.turn, None)
                if writing and not writing.broken and not what.content.startswith(writing.text):
                    detail = f"turn {what.turn}: {writing.text[:60]!r} is no prefix of the answer"
                    yield Violation(Invariant.WHOLE_TEXT, where, detail)
