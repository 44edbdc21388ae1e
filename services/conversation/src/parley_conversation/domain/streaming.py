"""What a graph streams beside its answer, as frames."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from parley_conversation.domain.shown import as_json
from parley_core.domain import server_frames
from parley_core.domain.ids import TurnId

EVENT = 65_536
"""Bytes of one `event` frame; a larger one is left out."""
NAME = "custom"


def event_frame(turn: TurnId, streamed: object) -> bytes | None:
    """The frame of what a node gave its stream writer; None for one that is too large.

    A mapping with a `name` has its `data` beside it; anything else is the data itself. What is not
    JSON is shown as text.
    """
    name, data = NAME, streamed
    if isinstance(streamed, Mapping) and isinstance(streamed.get("name"), str):
        name, data = streamed["name"], streamed.get("data")
    event = server_frames.Event(turn_id=turn, name=name, data=msgspec.Raw(as_json(data)))
    frame = server_frames.encode(event)
    return frame if len(frame) <= EVENT else None


def node_frame(turn: TurnId, attempt: int, node: str) -> bytes:
    """That a node runs."""
    return server_frames.encode(
        server_frames.Turn(turn_id=turn, attempt=attempt, status="running", node=node)
    )
