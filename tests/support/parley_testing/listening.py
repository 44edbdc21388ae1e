"""Hearing what the store publishes on one server, with a plain client."""

from __future__ import annotations

from types import TracebackType
from typing import Self

import redis

_WITHIN = 5.0


class Ears:
    """All channels of a prefix."""

    def __init__(self, url: str, prefix: str) -> None:
        self._server = redis.Redis.from_url(url)
        self._subscription = self._server.pubsub()  # type: ignore[no-untyped-call]
        self._subscription.psubscribe(f"{prefix}:*")
        self._subscription.get_message(timeout=_WITHIN)

    def heard(self) -> list[tuple[str, bytes]]:
        """Channel and payload of everything that was published since the last time."""
        # Its answer comes after all that was published before.
        self._subscription.ping("all")
        found: list[tuple[str, bytes]] = []
        while True:
            message = self._subscription.get_message(timeout=_WITHIN)
            assert message, "the server did not answer in time"
            if message["type"] == "pong":
                return found
            found.append((message["channel"].decode(), message["data"]))

    def close(self) -> None:
        self._subscription.close()
        self._server.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()
