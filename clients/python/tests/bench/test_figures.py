from __future__ import annotations

from random import Random

import pytest

from parley.bench.checker import check
from parley.bench.figures import Figures, measure
from parley.bench.record import History
from parley.bench.times import percentile
from parley.connection import Way
from parley_testing.histories import Model


def figures(history: History) -> Figures:
    return measure(history, violations=check(history), wall=2.0, client_cpu=0.5)


def test_times_run_from_the_first_sending_to_the_senders_ack_and_the_answer() -> None:
    model = Model(Random(1), devices=1)
    model.write(model.say(model.devices[0], ack_lost=True))

    measured = figures(model.history())

    # The model's clock ticks a second a frame: text, cut, auth, system, text replayed.
    assert measured.ack_ms.p50 == 4000.0
    assert measured.answer_ms.p99 is not None
    assert measured.answer_ms.p99 > 4000.0
    assert (measured.texts, measured.acknowledged, measured.answered) == (1, 1, 1)
    assert (measured.connections, measured.answers_per_second) == (2, 0.5)
    assert measured.is_clean


def test_a_text_that_was_never_acknowledged_is_lost() -> None:
    model = Model(Random(1), devices=1)
    model.devices[0].note(Way.SENT, {"type": "text", "content": "hello", "message_id": "m1"})

    measured = figures(model.history())

    assert (measured.lost, measured.is_clean) == (1, False)


def test_an_acknowledged_text_without_an_answer_is_lost() -> None:
    model = Model(Random(1), devices=1)
    model.say(model.devices[0])

    assert figures(model.history()).lost == 1


@pytest.mark.parametrize(("code", "lost"), [("UNAVAILABLE", 1), ("BUSY", 0)])
def test_a_refused_text_is_not_lost_and_one_to_be_repeated_is(code: str, lost: int) -> None:
    model = Model(Random(1), devices=1)
    device = model.devices[0]
    device.note(Way.SENT, {"type": "text", "content": "hello", "message_id": "m1"})
    device.note(Way.RECEIVED, {"type": "error", "code": code, "message": "No.", "message_id": "m1"})

    measured = figures(model.history())

    assert (measured.lost, measured.refused) == (lost, 1 - lost)
    assert measured.errors == {code: 1}


def test_percentiles_are_values_that_were_measured() -> None:
    assert percentile([], share=0.5) is None
    assert percentile([3.0, 1.0, 2.0], share=0.5) == 2.0
    assert percentile(range(1, 101), share=0.99) == 99
