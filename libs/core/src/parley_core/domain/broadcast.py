"""What all edges are told at once: a live frame, and for whom it is."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from parley_core.domain.ids import UserId


class Broadcast(Struct, frozen=True):
    """`users` is None for everybody who is connected; `frame` is the frame's JSON."""

    frame: msgspec.Raw
    users: frozenset[UserId] | None = None

    def is_for(self, user: UserId) -> bool:
        return self.users is None or user in self.users


_decoder = msgspec.json.Decoder(Broadcast)


def pack(broadcast: Broadcast) -> bytes:
    """The message that `unpack` reads."""
    return msgspec.json.encode(broadcast)


def unpack(data: bytes) -> Broadcast:
    """Raises ValueError if it is none."""
    return _decoder.decode(data)
