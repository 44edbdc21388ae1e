"""What the presence service decides with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from parley_core.domain.events import Whereabouts
from parley_core.domain.ids import UserId


class PresenceBoard(Protocol):
    """What the presence service decides with. Any replica may do any of it, any number of times."""

    async def due(self) -> tuple[UserId, ...]:
        """Users whose last connection went 5 s ago or more and who are still to be looked at."""
        ...

    async def offline(self, users: Sequence[UserId]) -> tuple[UserId, ...]:
        """Look at `due` users again; the ones who really are offline."""
        ...

    async def announce(self, user: UserId) -> Whereabouts | None:
        """Publish the user's state to those who watch if it changed since the last time."""
        ...
