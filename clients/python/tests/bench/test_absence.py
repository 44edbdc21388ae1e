from __future__ import annotations

from random import Random
from typing import Any

import pytest

from parley.bench.absence import longest_absence
from parley.bench.checker import check
from parley.bench.figures import measure
from parley.bench.record import DeviceRecord, Entry
from parley.connection import Way
from parley_testing.histories import EPOCH, SESSION, Model


def attached(at: float, connection: int) -> Entry:
    data = (
        f'{{"type":"system","session_id":"{SESSION}","epoch":"{EPOCH}","seq":0,"recovered":true}}'
    )
    return Entry(at, connection, Way.RECEIVED, data)


def closed(at: float, connection: int) -> Entry:
    return Entry(at, connection, Way.CLOSED, "1000")


@pytest.mark.parametrize(
    ("entries", "seconds"),
    [
        ([], 0.0),
        ([attached(1, 1)], 0.0),
        ([attached(1, 1), closed(5, 1)], 0.0),
        ([attached(1, 1), closed(5, 1), attached(7, 2)], 2.0),
        ([attached(1, 1), attached(4, 2), closed(5, 1)], 0.0),
        ([attached(1, 1), attached(2, 2), closed(3, 2), closed(5, 1), attached(6, 3)], 1.0),
        ([attached(1, 1), closed(2, 1), attached(3, 2), closed(4, 2), attached(9, 3)], 5.0),
    ],
)
def test_a_device_is_away_from_its_last_close_to_its_next_attach(
    entries: list[Any], seconds: float
) -> None:
    assert longest_absence(DeviceRecord("ada", "one", tuple(entries))) == seconds


def test_the_longest_absence_of_all_devices_is_a_figure() -> None:
    model = Model(Random(1), devices=2)
    model.cut(model.devices[1])

    history = model.history()
    measured = measure(history, violations=check(history), wall=1.0, client_cpu=0.0)

    # The model's clock ticks a second a frame: auth, system.
    assert measured.longest_away_ms == 2000.0
