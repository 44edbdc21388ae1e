"""A message of a conversation, apart from how a graph or the log writes it."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Role(StrEnum):
    """Who said something. `OTHER`: a tool, or instructions to the model."""

    USER = "user"
    ASSISTANT = "assistant"
    OTHER = "other"


class Said(NamedTuple):
    """One message. `id` is empty if it has none; `user` is told where several people speak."""

    role: Role
    id: str
    text: str
    user: str = ""
