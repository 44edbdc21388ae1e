"""The names of what must always hold, and of what was found not to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Invariant(StrEnum):
    """What a client can judge from its own records."""

    NO_LOSS = "no-loss"
    NO_DOUBLE = "no-double"
    ORDER = "order"
    HONEST_GAP = "honest-gap"
    WHOLE_TEXT = "whole-text"


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken promise. `where`: user, device and connection, or a session; for people."""

    invariant: Invariant
    where: str
    detail: str

    def __str__(self) -> str:
        return f"{self.invariant} [{self.where}] {self.detail}"
