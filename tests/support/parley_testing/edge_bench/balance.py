"""What readers got, held against what each was due."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from parley_testing.edge_bench.devices import Device


class Reader(Device):
    """Counts the bytes that come, and the events beside those that are due."""

    due = 0
    came = 0
    arrived = 0

    def data_received(self, data: bytes) -> None:
        self.arrived += len(data)
        super().data_received(data)

    def delivered(self, sent_at: int) -> None:
        self.came += 1
        super().delivered(sent_at)


class Balance(NamedTuple):
    """Of many readers."""

    due: int
    came: int
    lost: int
    doubled: int
    arrived: int


def balance(readers: Sequence[Reader]) -> Balance:
    """What came twice to one makes not up for what another lost."""
    return Balance(
        due=sum(each.due for each in readers),
        came=sum(each.came for each in readers),
        lost=sum(max(0, each.due - each.came) for each in readers),
        doubled=sum(max(0, each.came - each.due) for each in readers),
        arrived=sum(each.arrived for each in readers),
    )
