"""What waits for a slow socket, and when a client is too slow."""

from __future__ import annotations

from collections import deque

LIVE_BYTES = 1_048_576
"""Bytes of live frames that may wait."""
LIVE_AGE = 10.0
"""Seconds that a live frame may wait."""


class Backlog:
    """Frames that wait to be written, in order.

    Only live frames count against the bounds: a replay is paced by the socket, so there is never
    more than a page of it.
    """

    __slots__ = ("_frames", "live_bytes")

    def __init__(self) -> None:
        self._frames: deque[tuple[bytes, float | None]] = deque()
        self.live_bytes = 0

    def __len__(self) -> int:
        return len(self._frames)

    def push(self, framed: bytes, *, live_since: float | None) -> None:
        """`live_since` is None for a frame of a replay."""
        self._frames.append((framed, live_since))
        if live_since is not None:
            self.live_bytes += len(framed)

    def pop(self) -> bytes:
        """The oldest frame. Raises IndexError if there is none."""
        framed, live_since = self._frames.popleft()
        if live_since is not None:
            self.live_bytes -= len(framed)
        return framed

    def clear(self) -> None:
        self._frames.clear()
        self.live_bytes = 0

    def is_too_slow(self, *, now: float) -> bool:
        """Whether the client must resume instead: the policy for slow readers."""
        if self.live_bytes > LIVE_BYTES:
            return True
        oldest = next((since for _, since in self._frames if since is not None), None)
        return oldest is not None and now - oldest > LIVE_AGE
