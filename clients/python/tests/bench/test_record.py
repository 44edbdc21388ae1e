from __future__ import annotations

from pathlib import Path
from random import Random

from parley.bench.record import Recorder, load, save
from parley.connection import Way, WireEvent
from parley_testing.histories import correct_history


def test_a_saved_history_is_the_same_when_it_is_loaded(tmp_path: Path) -> None:
    history = correct_history(Random(7))

    save(history, path=tmp_path / "history.jsonl")

    assert load(tmp_path / "history.jsonl") == history


def test_connections_of_later_sessions_get_numbers_of_their_own() -> None:
    recorder = Recorder("ada", device_id="laptop", clock=iter(range(9)).__next__)
    first = recorder.observer()
    first(WireEvent(1, Way.SENT, b"{}"))
    first(WireEvent(2, Way.SENT, b"{}"))

    recorder.observer()(WireEvent(1, Way.RECEIVED, '{"ä":1}'.encode()))

    record = recorder.record(stayed=False)
    assert [entry.connection for entry in record.entries] == [1, 2, 3]
    assert [entry.at for entry in record.entries] == [0, 1, 2]
    assert record.entries[2].data == '{"ä":1}'
    assert not record.stayed
