"""What one client sent and is still to be carried out."""

from __future__ import annotations

from collections import deque

from parley_core.domain import client_frames
from parley_core.domain.client_frames import AnyClientFrame
from parley_core.domain.codes import ErrorCode
from parley_edge.outbox import Socket

PENDING = 64
"""Frames that wait to be carried out. Policy past it: the socket is not read."""


def decoded(data: str | bytes, *, is_first: bool) -> AnyClientFrame:
    """The frame in a message. Raises `client_frames.Malformed`."""
    if isinstance(data, bytes):
        raise client_frames.Malformed(
            ErrorCode.INVALID_MESSAGE, "A frame is text, not binary.", closes=True
        )
    return client_frames.decode_first(data) if is_first else client_frames.decode(data)


class Inputs:
    """Frames in the order in which they came, for one task at a time."""

    __slots__ = ("_frames", "_socket")

    def __init__(self, socket: Socket) -> None:
        self._socket = socket
        self._frames: deque[AnyClientFrame] | None = None

    @property
    def is_busy(self) -> bool:
        """A task works on them."""
        return self._frames is not None

    def add(self, frame: AnyClientFrame) -> bool:
        """Whether a task must begin to work on them."""
        begins = self._frames is None
        self._frames = self._frames or deque()
        self._frames.append(frame)
        if len(self._frames) >= PENDING:
            self._socket.stop_reading()
        return begins

    def next(self) -> AnyClientFrame | None:
        """The next one to be carried out."""
        if not self._frames:
            return None
        frame = self._frames.popleft()
        if len(self._frames) < PENDING // 2:
            self._socket.read_on()
        return frame

    def finished(self) -> None:
        """The task is over."""
        self._frames = None
