"""What is published, as one process hears it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class LiveFeed(Protocol):
    """Subscriptions of one process, over one connection a node.

    Guarantee: at most once and in order while the connection lives. Whenever messages of some
    channels may have been missed, `on_gap` is called with them after they are subscribed again.
    """

    def listen(
        self,
        *,
        on_message: Callable[[str, bytes], None],
        on_gap: Callable[[frozenset[str]], None],
    ) -> None:
        """Set the two callbacks, which must not block, before `start`."""
        ...

    async def subscribe(self, channel: str) -> None:
        """Returns when the server has confirmed: what is published from then on arrives."""
        ...

    async def unsubscribe(self, channel: str) -> None:
        """Idempotent."""
        ...

    def deaf_for(self) -> float:
        """Seconds for which a probe of the connection has gone unanswered; 0.0 when it hears."""
        ...
