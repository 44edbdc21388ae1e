"""Emptying nodes: what the plan says of the newest picture is done."""

from __future__ import annotations

from parley_operator.domain.emptying import plan
from parley_operator.drains import Drains
from parley_operator.picture import Picture

EACH = 1.0
"""Seconds between two looks at the plan; it costs nothing."""


class Nodes:
    """A repeat with nothing new does nothing."""

    def __init__(self, picture: Picture, drains: Drains) -> None:
        self._picture = picture
        self._drains = drains

    async def look(self) -> None:
        """Begin and take back what the nodes ask for."""
        picture = self._picture
        pods = tuple(picture.pods.values())
        todo = plan(pods, nodes=picture.nodes, drained=self._drains.drained())
        for name in todo.take_back:
            self._drains.take_back(name)
        for name, reason in todo.begin.items():
            self._drains.begin(picture.pods[name], reason=reason)
