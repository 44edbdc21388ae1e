"""What the HTTP API shows of a conversation's past."""

from __future__ import annotations

from msgspec import Raw, Struct


class HistoryView(Struct, frozen=True, kw_only=True):
    """A page of the log, oldest first: frames as they were first sent."""

    session_id: str
    messages: list[Raw]
    has_more: bool


class StateView(Struct, frozen=True, kw_only=True):
    """The graph's state after the log entry `seq`, as JSON can say it.

    `next` names the nodes that would run, empty when the turn had ended; `interrupts` are the
    questions that the agent asks there.
    """

    session_id: str
    seq: int
    checkpoint_id: str
    created_at: str | None
    next: list[str]
    interrupts: Raw
    values: Raw


class ForkView(Struct, frozen=True, kw_only=True):
    """A new session that has another's past up to `seq`."""

    session_id: str
    seq: int
