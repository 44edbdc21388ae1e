"""The envelope of a frame on a session's live channel.

One header line, `kind epoch seq origin id`, then the frame's bytes. `kind` is `log` or `live`, a
colon, and the frame's type, so that an edge can route a frame without reading it. A log frame's
seq and id are its own, a live frame's are those of the newest event. `origin` is the connection
that sent it, `-` for the agent, `!` for a notice. The id comes last because it may hold spaces.
"""

from __future__ import annotations

from typing import NamedTuple

from parley_core.domain.ids import ConnectionId, Epoch, MessageId, Seq

NO_ORIGIN = ConnectionId("-")
NOTICE = ConnectionId("!")
"""The origin of what no connection sent and no input is answered by."""


class LiveFrame(NamedTuple):
    """One frame from a live channel."""

    is_log: bool
    type: str
    epoch: Epoch
    seq: Seq
    origin: ConnectionId
    id: MessageId
    body: bytes


def unpack(data: bytes) -> LiveFrame:
    """The frame in a message of a live channel. Raises ValueError if it is none."""
    header, _, body = data.partition(b"\n")
    kind, epoch, seq, origin, message_id = header.decode().split(" ", 4)
    place, _, type_ = kind.partition(":")
    return LiveFrame(
        place == "log",
        type_,
        Epoch(epoch),
        Seq(int(seq)),
        ConnectionId(origin),
        MessageId(message_id),
        body,
    )


def pack(frame: LiveFrame) -> bytes:
    """The message that `unpack` reads; scripts write the same."""
    place = "log" if frame.is_log else "live"
    header = f"{place}:{frame.type} {frame.epoch} {frame.seq} {frame.origin} {frame.id}\n"
    return header.encode() + frame.body
