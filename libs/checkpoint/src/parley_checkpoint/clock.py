"""Checkpoint ids that grow over machines: this process's clock never stands before what it read.

The newest checkpoint is the one with the greatest id, and LangGraph makes ids of its machine's
time. A worker whose clock is behind the one before it would write checkpoints older than the newest
and go on reading that one. So what is read advances the clock that ids are made of, as a hybrid
logical clock does: ids go on from the newest that was read, one tick at a time, until the machine's
time has come that far.

That clock is a global of `langgraph.checkpoint.base.id`: the time of the last id, which the next
one must exceed. It is no public name; a test notices when LangGraph changes it.
"""

from __future__ import annotations

from langgraph.checkpoint.base import id as ids


def advance(checkpoint: str) -> None:
    """The next ids of this process will be greater than that of a checkpoint it has read.

    Ids of another make than `uuid6` say nothing.
    """
    try:
        read = ids.UUID(checkpoint)
    except ValueError:
        return
    last: int = getattr(ids, _LAST) or 0
    if read.version == _TIME_ORDERED and last < read.time:
        setattr(ids, _LAST, read.time)


_LAST = "_last_v6_timestamp"

_TIME_ORDERED = 6
"""The version of UUID whose text sorts by its time."""
