"""What of an answer may be streamed while the graph still writes it.

The deltas of an attempt, joined, should be a prefix of the text that is committed. The state after
each step says what the answer is so far (`settle`); between two steps the model's pieces say how it
probably goes on (`say`). Where the two disagree (a node replaced what its model wrote, branches
wrote in another order, a model's text was never meant for the conversation), nothing more goes out
until the answer begins with all that did; the commit replaces it in any case.
"""

from __future__ import annotations

from typing import NamedTuple

from parley_conversation.domain.answer import well_formed
from parley_conversation.domain.closing import BLANK_LINE
from parley_core.domain import limits


class Piece(NamedTuple):
    """A part of an answer; `offset` is the number of code points before it."""

    offset: int
    text: str


class Transcript:
    """The answer of one attempt, from `base`: what the checkpoint already had of it.

    Holds one answer at most (256 KB): what is not taken yet is joined to one piece.
    """

    __slots__ = (
        *("_bytes", "_held", "_is_full", "_speaker", "_spoken"),
        *("_taken", "_taken_length", "_waiting"),
    )

    def __init__(self, base: str) -> None:
        self._taken = [base]
        self._taken_length = len(base)
        self._waiting: list[str] = []
        self._bytes = len(base.encode())
        self._speaker = ""
        self._spoken: set[str] = set()
        self._held = False
        self._is_full = False

    @property
    def text(self) -> str:
        """All that was written, whether or not it was taken."""
        return "".join([*self._taken, *self._waiting])

    @property
    def is_full(self) -> bool:
        """More was written than an answer may hold."""
        return self._is_full

    @property
    def has_more(self) -> bool:
        """Whether `take` has something."""
        return bool(self._waiting)

    def say(self, message_id: str, text: str) -> None:
        """A model wrote a piece of the message called `message_id`."""
        if self._held or not text:
            return
        if message_id != self._speaker:
            if message_id in self._spoken:  # two models at once: their order is not known yet
                self._held = True
                return
            self._speaker = message_id
            self._spoken.add(message_id)
            text = BLANK_LINE + text if self._bytes else text
        self._append(well_formed(text))

    def settle(self, truth: str) -> None:
        """A step ended, and `truth` (cut to its limit) is the answer so far."""
        sent = "".join(self._taken)
        self._taken = [sent]
        self._held = not truth.startswith(sent)
        self._waiting = []
        self._bytes = len(sent.encode())
        self._speaker = ""
        if not self._held:
            self._append(truth[len(sent) :])

    def take(self) -> Piece:
        """What has not been taken yet; it counts as sent from now on."""
        piece = Piece(self._taken_length, "".join(self._waiting))
        self._waiting = []
        self._taken.append(piece.text)
        self._taken_length += len(piece.text)
        return piece

    def _append(self, text: str) -> None:
        data = text.encode()
        room = limits.ANSWER - self._bytes
        if len(data) > room:
            # Nothing may follow the cut, not even a shorter piece that would fit.
            text = data[:room].decode(errors="ignore")
            self._held = self._is_full = True
        if text:
            self._waiting.append(text)
            self._bytes += len(data)
