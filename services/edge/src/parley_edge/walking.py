"""A connection's reading of one session, on its own or in a cohort."""

from __future__ import annotations

from abc import ABC, abstractmethod

from parley_edge.cohorts import WORTH_IT, Cohort, Cohorts
from parley_edge.domain.arrival import Arrival
from parley_edge.domain.reader import Reader
from parley_edge.in_flight import InFlight
from parley_edge.listener import Listener
from parley_edge.sink import Sink
from parley_edge.subscriptions import Channel


class Walking(ABC):
    """Walks in a cohort while nothing of its connection is under way."""

    def __init__(self, sink: Sink) -> None:
        self.id = sink.id
        self.cohort: Cohort | None = None
        self.channel: Channel[Listener] | None = None
        """Set as soon as it hears the session."""
        self.own = InFlight()
        self._sink = sink
        self._reader = Reader(sink.id)
        self._looks_at_each = sink.is_leaving

    @abstractmethod
    def arrived(self, arrival: Arrival) -> None:
        """A frame that it judges for itself."""

    @property
    def reader(self) -> Reader:
        """Whoever looks at it, or moves it, finds it where the connection stands: on its own."""
        self.step_out()
        return self._reader

    def step_out(self) -> None:
        """Of the cohort, if it walks in one."""
        if self.cohort is not None:
            self._reader.live = self.cohort.step_out(self)

    def refocus(self) -> None:
        """Look at each frame that comes as long as somebody waits for one of them."""
        self.step_out()
        self._looks_at_each = self.own.is_awaited or self._sink.is_leaving

    def fall_in(self) -> None:
        """Walk with those who stand here too, if there are many."""
        channel, live, sink = self.channel, self._reader.live, self._sink
        if channel is None or live is None or len(channel.members) < WORTH_IT:
            return
        is_busy = self._looks_at_each or self.own.message_id is not None
        if is_busy or not sink.outbox.is_drained:
            return
        channel.cohorts = channel.cohorts or Cohorts()
        cohort = channel.cohorts.at(live, sink.audience)
        if cohort is not None:
            cohort.fall_in(self, sink.outbox.write)
