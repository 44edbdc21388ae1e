"""Writes answers on a terminal that cannot take back what it wrote."""

from __future__ import annotations


class Typewriter:
    """Turns pieces and committed texts into what to print next. Pure."""

    def __init__(self) -> None:
        self._turn = ""
        self._shown = ""
        self._text = ""

    def piece(self, turn: str, offset: int, text: str) -> str:
        """What to print for a delta.

        A new attempt begins at offset 0. It goes on where it repeats what is shown; where it does
        not, it begins again on a line of its own.
        """
        if turn != self._turn:
            self._turn, self._shown, self._text = turn, "", ""
        self._text = self._text[:offset] + text
        return self._catch_up()

    def commit(self, turn: str, content: str) -> str:
        """What to print for the whole answer, line feed included."""
        shown = self._shown if turn == self._turn else ""
        self._turn, self._shown = "", ""
        return _following(shown, content) + "\n"

    @property
    def is_writing(self) -> bool:
        """The cursor stands in the middle of an answer."""
        return bool(self._turn and self._shown)

    def _catch_up(self) -> str:
        if self._shown.startswith(self._text):
            return ""
        rest = _following(self._shown, self._text)
        self._shown = self._text
        return rest


def _following(shown: str, text: str) -> str:
    """What turns `shown` into `text`; all of it on a new line if that is not a continuation."""
    return text[len(shown) :] if text.startswith(shown) else "\n" + text
