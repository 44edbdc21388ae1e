"""What the admin port says of this process."""

from __future__ import annotations

from collections.abc import Callable

from parley_edge.moving.drain import Drain

DEAF = 5.0
"""Seconds that the live feed may be unheard while commands are answered."""


def unready(
    *,
    is_started: Callable[[], bool],
    drain: Drain,
    deaf_for: Callable[[], float],
    redis_is_up: Callable[[], bool],
) -> Callable[[], str | None]:
    """Why no new connection should come here, or None.

    Redis being away is no reason: it is away for every edge, and sockets are better kept.
    """

    def reason() -> str | None:
        if not is_started():
            return "starting"
        if drain.is_draining:
            return "draining"
        if redis_is_up() and deaf_for() > DEAF:
            return f"live feed unheard for {deaf_for():.0f} s"
        return None

    return reason
