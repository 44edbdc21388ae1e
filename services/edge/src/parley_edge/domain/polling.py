"""When a poll has what it was made for."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Struct

_TOLD_AT_ONCE = frozenset({"system", "error", "reconnect"})
"""Live frames that end a poll; others go along with what does."""


class _Frame(Struct):
    type: str
    recovered: bool = False


_decoder = msgspec.json.Decoder(_Frame)


def is_worth_a_reply(frames: Sequence[msgspec.Raw], *, last_id: str, resumed: str) -> bool:
    """Whether `frames`, which begin with the greeting, are news to one who came from `resumed`.

    `last_id` is where the frames lead; `resumed` is empty for a client that had nothing.
    """
    if not frames:
        return False
    greeting = _decoder.decode(frames[0])
    if not resumed or not greeting.recovered or last_id != resumed:
        return True
    return any(_decoder.decode(frame).type in _TOLD_AT_ONCE for frame in frames[1:])
