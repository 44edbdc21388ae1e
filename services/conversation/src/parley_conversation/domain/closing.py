"""A turn that does not end by itself, and what the conversation remembers of it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from parley_core.domain.ids import TurnId

BLANK_LINE = "\n\n"
"""Stands between the messages of one answer."""
SILENCE = "…"
"""Stands in the conversation for an answer of which nothing was written: providers refuse an empty
message, and one where two messages of the user follow each other."""


class How(StrEnum):
    """Why a turn was closed."""

    CANCELLED = "cancelled"
    FAILED = "failed"
    LENGTH = "length"


class Closing(NamedTuple):
    """How a turn was closed. `told`: the sentence of a failure."""

    how: How
    told: str = ""


CANCELLED = Closing(How.CANCELLED)
TOO_LONG = Closing(How.LENGTH)

_HOW, _TOLD = "parley_closed", "parley_told"


def as_metadata(closing: Closing) -> dict[str, str]:
    """What the checkpoints of a closed turn say of it, so that a successor commits the same."""
    return {_HOW: closing.how, _TOLD: closing.told}


def from_metadata(metadata: Mapping[str, object]) -> Closing | None:
    """How the turn of a checkpoint was closed, if it was."""
    how = metadata.get(_HOW)
    return Closing(How(str(how)), str(metadata.get(_TOLD, ""))) if how else None


def closing_id(turn: TurnId) -> str:
    """The message that closes a turn: the same whoever closes it."""
    return f"end-{turn}"


def remainder(written: str, truth: str) -> str:
    """What was written of an answer and is not in the state's `truth`.

    Nothing where the two disagree: then the state is right.
    """
    if not written.startswith(truth):
        return ""
    rest = written[len(truth) :]
    return rest.removeprefix(BLANK_LINE) if truth else rest
