from __future__ import annotations

from random import Random

import pytest

from parley.bench.record import History
from parley.bench.turns import measure_turns
from parley_testing.histories import Model


def test_what_is_added_is_what_the_turn_itself_does_not_take() -> None:
    model = Model(Random(1), devices=1)
    model.write(model.say(model.devices[0]))
    history = model.history()

    whole = measure_turns(history, turn_seconds=0.001, cores=1)
    turns = measure_turns(history, turn_seconds=1.001, cores=1)

    # The model's clock ticks a second a frame; the ack comes one frame after the text.
    assert whole.added_ms.p95 is not None
    assert turns.added_ms.p95 == whole.added_ms.p95 - 1000
    assert turns.added_after_ack_ms.p95 == turns.added_ms.p95 - 1000
    assert turns.added_percent.p95 == pytest.approx(turns.added_ms.p95 / 10.01, abs=0.1)
    assert (turns.turns, turns.turn_seconds, turns.cores) == (1, 1.001, 1)


def test_the_rate_is_that_of_one_core_from_the_first_text_to_the_last_answer() -> None:
    model = Model(Random(1), devices=1)
    for _ in range(3):
        model.write(model.say(model.devices[0]))
    history = model.history()

    one, two = (measure_turns(history, turn_seconds=1, cores=cores) for cores in (1, 2))

    assert one.per_core == pytest.approx(3 / _span(history), abs=0.05)
    assert two.per_core == pytest.approx(3 / _span(history) / 2, abs=0.05)


def test_without_an_answer_there_are_no_figures() -> None:
    model = Model(Random(1), devices=1)
    model.say(model.devices[0])

    turns = measure_turns(model.history(), turn_seconds=1, cores=1)

    assert (turns.turns, turns.per_core, turns.added_percent.p50) == (0, None, None)


def _span(history: History) -> float:
    """Seconds from the first text to the last frame, which is the last answer."""
    entries = [entry for record in history for entry in record.entries]
    said = min(entry.at for entry in entries if '"type":"text"' in entry.data)
    return max(entry.at for entry in entries) - said
