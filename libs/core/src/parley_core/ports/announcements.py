"""What a back end tells people."""

from __future__ import annotations

from typing import Protocol

from parley_core.domain.broadcast import Broadcast
from parley_core.domain.events import Accepted
from parley_core.domain.ids import MessageId, SessionId


class Announcements(Protocol):
    """Words that the agent is not asked about.

    Guarantee: a notice that was accepted is in the session's log exactly once. A broadcast is told
    to each edge at most once, and is kept nowhere.
    """

    async def post(self, session: SessionId, message_id: MessageId, *, frame: bytes) -> Accepted:
        """Number, log and publish a `text` frame (from `encode_open`) in one step.

        A repeat of the `message_id` returns the first reply and does nothing else, within the
        newest 1,000 ids. Raises `Refused`: RATE_LIMITED, SESSION_NOT_FOUND.
        """
        ...

    async def broadcast(self, broadcast: Broadcast) -> int:
        """Tell all edges that hear now; how many those are. A repeat tells them again."""
        ...
