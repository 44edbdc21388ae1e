"""A live frame as it came, and what all connections that get it share."""

from __future__ import annotations

from functools import cached_property

import msgspec

from parley_core.domain.live import LiveFrame
from parley_core.domain.server_frames import Delta
from parley_edge.domain.framing import text_frame
from parley_edge.domain.rendering import as_plain

_delta_decoder = msgspec.json.Decoder(Delta)


class Arrival:
    """Computes each form of a frame at most once, whatever the number of connections."""

    def __init__(self, frame: LiveFrame) -> None:
        self.frame = frame

    @cached_property
    def framed(self) -> bytes:
        """As it goes out to clients with capabilities."""
        return text_frame(self.frame.body)

    @cached_property
    def framed_plain(self) -> bytes:
        """As it goes out to plain clients."""
        return text_frame(as_plain(self.frame.type, self.frame.body))

    @cached_property
    def delta(self) -> Delta:
        """The frame, if it is a delta. Raises `msgspec.DecodeError`."""
        return _delta_decoder.decode(self.frame.body)
