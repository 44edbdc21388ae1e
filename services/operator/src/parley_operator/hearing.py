"""Each happening goes to whom it concerns."""

from __future__ import annotations

import asyncio

from parley_operator.attendance import Attendance
from parley_operator.domain.drains import DrainName, asked_of
from parley_operator.domain.pods import NodeName, node_of, pod_of
from parley_operator.drains import Drains
from parley_operator.kubernetes.watch import About, Happening
from parley_operator.picture import Picture


class Hearing:
    """What the watch tells, once a full look has shown what is there.

    The watch begins before that look, so that no deletion falls between the two.
    """

    def __init__(self, picture: Picture, attendance: Attendance, drains: Drains) -> None:
        self._picture = picture
        self._attendance = attendance
        self._drains = drains
        self._waiting: list[Happening] | None = []
        self.has_begun = asyncio.Event()
        """Whether the watch told of anything yet; the operator's own pod is there at least."""

    def begin(self) -> None:
        """The first full look is over: what was heard since the watch began is told after it."""
        waiting, self._waiting = self._waiting or [], None
        for happening in waiting:
            self._tell(happening)

    def hear(self, happening: Happening) -> None:
        """Something was added, changed or deleted; or it was there when the watch began."""
        self._picture.touch()
        self.has_begun.set()
        if self._waiting is None:
            self._tell(happening)
        else:
            self._waiting.append(happening)

    def _tell(self, happening: Happening) -> None:
        match happening:
            case Happening(About.POD, is_deleted, body):
                pod = pod_of(body)
                (self._attendance.lose if is_deleted else self._attendance.see)(pod)
            case Happening(About.NODE, True, body):
                self._picture.lose_node(NodeName(body["metadata"]["name"]))
            case Happening(About.NODE, False, body):
                self._picture.see_node(node_of(body))
            case Happening(About.DRAIN, True, body):
                self._drains.lose(DrainName(body["metadata"]["name"]))
            case Happening(About.DRAIN, False, body):
                self._drains.see(asked_of(body))
