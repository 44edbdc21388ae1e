"""What is told of a run under load, on records and journals that are made up."""

from __future__ import annotations

from dataclasses import replace
from math import inf
from random import Random

import pytest

from parley.bench.record import DeviceRecord, History
from parley.connection import Way
from parley_testing.histories import EPOCH, SESSION, Model
from parley_testing.journal import NodeRun
from parley_testing.kube.verdict import Verdict, Window, verdict, went_on

RUN = NodeRun(
    session="session",
    turn="m1",
    node="answer",
    process="worker-1/a",
    token="1:worker-1/a:n",
    began=10.0,
    ended=None,
)
ALWAYS = Window(0, 1000)


def judged(history: History, *runs: NodeRun, window: Window = ALWAYS) -> Verdict:
    return verdict(history, runs or [RUN], window=window)


def test_a_run_in_which_nothing_happened_has_no_harm() -> None:
    model = Model(Random(1), devices=1)
    model.write(model.say(model.devices[0]))

    told = judged(model.history())

    assert (told.harm, told.cut, told.repeated, told.moved) == ({}, [], [], 0)
    assert (told.texts, told.longest_away, told.resume_p99) == (1, 0.0, None)


def test_a_text_without_an_answer_is_harm() -> None:
    model = Model(Random(1), devices=1)
    model.say(model.devices[0])

    assert judged(model.history()).harm == {"lost": 1, "unanswered": 1}


def test_a_text_that_redis_lost_is_no_harm_if_its_sender_was_told() -> None:
    model = Model(Random(1), devices=1)
    device = model.devices[0]
    model.say(device)
    model.cut(device)
    model.log.clear()
    device.connection += 1
    auth = {"type": "auth", "user_id": "ada", "device_id": device.name}
    device.note(Way.SENT, auth | {"resume": {"epoch": EPOCH, "seq": 1, "id": "m1"}})
    here = {"session_id": SESSION, "epoch": EPOCH, "seq": 0, "recovered": False, "history": []}
    device.note(Way.RECEIVED, {"type": "system", **here})
    history = (DeviceRecord("ada", device.name, tuple(device.entries)),)

    told = verdict(history, [], window=ALWAYS, lost_tail=True)

    assert (told.harm, told.lost_and_told, told.violations) == ({}, 1, [])
    assert judged(history).harm == {"lost": 1, "unanswered": 1}


def test_a_failed_turn_is_harm() -> None:
    model = Model(Random(1), devices=1)
    model.fail(model.say(model.devices[0]))

    assert judged(model.history()).harm == {"failed": 1}


def test_an_answer_that_no_node_wrote_down_is_harm() -> None:
    model = Model(Random(1), devices=1)
    model.write(model.say(model.devices[0]))

    assert judged(model.history(), replace(RUN, turn="m2")).harm == {"unwritten": 1}


def test_text_that_was_taken_back_is_a_cut_answer() -> None:
    model = Model(Random(3), devices=1)
    model.write(model.say(model.devices[0]), attempts=3)

    assert judged(model.history()).cut == ["m1"]


def test_an_answer_that_goes_on_in_another_attempt_is_not_cut() -> None:
    model = Model(Random(1), devices=1)
    device = model.devices[0]
    turn = model.say(device)
    piece = {"type": "delta", "turn_id": turn, "offset": 0, "attempt": 1, "text": "ab"}
    device.note(Way.RECEIVED, piece)
    device.note(Way.RECEIVED, {"type": "turn", "turn_id": turn, "attempt": 2, "status": "running"})
    device.note(
        Way.RECEIVED,
        {"type": "text", "role": "assistant", "content": "abc", "turn_id": turn, "seq": 2}
        | {"session_id": "2a-session", "message_id": "a"},
    )

    assert judged(model.history()).cut == []


def test_a_node_that_began_twice_in_a_turn_is_told() -> None:
    model = Model(Random(1), devices=1)
    model.write(model.say(model.devices[0]))

    told = judged(model.history(), RUN, replace(RUN, process="worker-2/b"), replace(RUN, turn="m2"))

    assert told.repeated == ["answer of turn m1"]


def test_times_without_a_connection_and_moves_are_counted() -> None:
    model = Model(Random(1), devices=2)
    model.cut(model.devices[1])

    told = judged(model.history())

    # The model's clock ticks a second a frame: auth, system.
    assert (told.longest_away, told.resume_p99, told.moved) == (2.0, 2.0, 1)


@pytest.mark.parametrize(("window", "texts"), [(ALWAYS, 1), (Window(500, 1000), 0)])
def test_acknowledgements_are_those_of_texts_said_in_the_window(window: Window, texts: int) -> None:
    model = Model(Random(1), devices=1)
    model.write(model.say(model.devices[0]))

    told = judged(model.history(), window=window)

    assert told.texts_in_window == texts
    assert (told.ack_p99 is None) is (texts == 0)


def test_a_dead_workers_turn_goes_on_with_the_next_node_elsewhere() -> None:
    runs = [
        RUN,
        replace(RUN, turn="ended before", ended=11.0),
        replace(RUN, turn="ended after all", ended=12.5),
        replace(RUN, turn="waits"),
        replace(RUN, process="worker-2/b", began=14.5),
        replace(RUN, turn="of another", process="worker-11/c"),
    ]

    assert went_on(runs, pod="worker-1", died=12.0) == [2.5, inf]


def test_a_turn_that_an_earlier_process_of_the_pod_had_is_not_in_its_hand_any_more() -> None:
    died_before = replace(RUN, began=5.0)
    again = replace(RUN, process="worker-1/b", began=8.0, ended=9.0)

    assert went_on([died_before, again], pod="worker-1", died=12.0) == []


def test_a_pod_whose_container_started_again_may_go_on_itself() -> None:
    again = replace(RUN, process="worker-1/b", began=13.0)

    assert went_on([RUN, again], pod="worker-1", died=12.0) == [1.0]
