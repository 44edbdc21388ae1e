"""What operations ask of Redis, as values: who runs them, and how, is not theirs to know."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from langgraph.checkpoint.base import CheckpointTuple

from parley_checkpoint.ports import Argument
from parley_checkpoint.scripts import Script

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class RunScript:
    """Answered with the script's reply."""

    script: Script
    keys: Sequence[str]
    args: Sequence[Argument]


@dataclass(frozen=True, slots=True)
class RunCommand:
    """Answered with the command's reply. `key` says which node of a Cluster."""

    args: Sequence[Argument]
    key: str


@dataclass(frozen=True, slots=True)
class FindKeys:
    """Answered with a list of all keys that match a glob pattern, each once or more."""

    pattern: str


Request = RunScript | RunCommand | FindKeys

Steps = Generator[Request, Any, Result]
"""An operation: it yields requests, is sent their replies, and returns its result. What a request
raises is not thrown into it: an operation has nothing to clean up."""

Finds = Generator[Request | CheckpointTuple, Any, None]
"""An operation that also yields what it finds; the answer to that is ignored."""
