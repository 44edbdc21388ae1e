from __future__ import annotations

from random import Random

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from parley.bench.checker import check
from parley.bench.record import DeviceRecord, Entry, History
from parley.bench.violations import Invariant
from parley.connection import Way
from parley_testing.histories import EPOCH, SESSION, Model, correct_history

seeds = st.integers(0, 2**32)


def invariants(history: History, *, lost_tail: bool = False) -> set[Invariant]:
    return {violation.invariant for violation in check(history, lost_tail=lost_tail)}


@given(seeds)
@settings(max_examples=300)
def test_a_run_in_which_every_promise_was_kept_has_no_violation(seed: int) -> None:
    history = correct_history(Random(seed))

    assert check(history) == []


@given(seeds)
@settings(max_examples=300)
def test_gaps_that_were_told_are_no_violation(seed: int) -> None:
    history = correct_history(Random(seed), gaps=True)

    assert check(history) == []


@given(seeds, st.randoms(use_true_random=False))
@settings(max_examples=200)
def test_a_log_frame_that_never_came_is_a_silent_hole(seed: int, pick: Random) -> None:
    history = busy_history(Random(seed))
    device, places = pick_places(history, pick, followed_by=1)

    broken = edited(history, device, drop=places[0])

    assert invariants(broken) == {Invariant.HONEST_GAP}


@given(seeds, st.randoms(use_true_random=False))
@settings(max_examples=200)
def test_a_log_frame_that_comes_twice_is_out_of_order(seed: int, pick: Random) -> None:
    history = busy_history(Random(seed))
    device, places = pick_places(history, pick, followed_by=1)

    broken = edited(history, device, repeat=places)

    assert invariants(broken) == {Invariant.ORDER}


@given(seeds, st.randoms(use_true_random=False))
@settings(max_examples=200)
def test_two_log_frames_that_change_places_are_out_of_order(seed: int, pick: Random) -> None:
    history = busy_history(Random(seed))
    device, places = pick_places(history, pick, followed_by=1)

    broken = edited(history, device, swap=places)

    assert invariants(broken) == {Invariant.ORDER}


@given(seeds, st.randoms(use_true_random=False))
@settings(max_examples=200)
def test_a_piece_that_the_answer_does_not_begin_with_is_torn_text(seed: int, pick: Random) -> None:
    history = busy_history(Random(seed))
    device = pick.randrange(len(history))
    entries = history[device].entries
    last = max(index for index, entry in enumerate(entries) if '"delta"' in entry.data)
    frame = msgspec.json.decode(entries[last].data)
    torn = frame | {"text": frame["text"][:-1] + "#"}

    broken = edited(history, device, replace=(last, torn))

    assert invariants(broken) == {Invariant.WHOLE_TEXT}


def test_an_acknowledged_text_without_an_end_is_lost() -> None:
    model = Model(Random(1), devices=2)
    model.write(model.say(model.devices[0]))
    model.say(model.devices[1])

    found = check(model.history())

    assert [violation.invariant for violation in found] == [Invariant.NO_LOSS]


def test_a_failed_turn_is_an_end() -> None:
    model = Model(Random(1), devices=2)
    model.fail(model.say(model.devices[0]))

    assert check(model.history()) == []


def test_a_text_that_nobody_acknowledged_may_go_unanswered() -> None:
    model = Model(Random(1), devices=1)
    model.devices[0].note(Way.SENT, {"type": "text", "content": "hello", "message_id": "m1"})

    assert check(model.history()) == []


def test_a_message_with_two_entries_is_doubled() -> None:
    model = Model(Random(1), devices=2)
    message = model.say(model.devices[0])
    model.write(message)
    model.log.append(model.log[0] | {"seq": 3})
    for device in model.devices:
        device.note(Way.RECEIVED, model.log[-1])

    assert invariants(model.history()) == {Invariant.NO_DOUBLE}


def test_a_turn_with_two_answers_is_doubled() -> None:
    model = Model(Random(1), devices=2)
    message = model.say(model.devices[0])
    model.write(message)
    model.log.append(model.log[1] | {"seq": 3, "message_id": "another"})
    for device in model.devices:
        device.note(Way.RECEIVED, model.log[-1])

    assert invariants(model.history()) == {Invariant.NO_DOUBLE}


def test_an_answer_after_a_failure_is_doubled() -> None:
    model = Model(Random(1), devices=1)
    message = model.say(model.devices[0])
    model.fail(message)
    model.write(message)

    assert invariants(model.history()) == {Invariant.NO_DOUBLE}


def test_devices_that_saw_different_bytes_at_one_place_are_out_of_order() -> None:
    model = Model(Random(1), devices=2)
    model.write(model.say(model.devices[0]))
    history = model.history()
    last = len(history[1].entries) - 1
    frame = msgspec.json.decode(history[1].entries[last].data)

    broken = edited(history, 1, replace=(last, frame | {"timestamp": "another"}))

    assert invariants(broken) == {Invariant.ORDER}


def test_a_device_that_went_deaf_before_the_end_has_a_silent_hole() -> None:
    model = Model(Random(1), devices=2)
    model.write(model.say(model.devices[0]))
    history = model.history()

    broken = edited(history, 1, drop=len(history[1].entries) - 1)

    assert invariants(broken) == {Invariant.HONEST_GAP}


def test_a_device_that_left_need_not_have_the_end() -> None:
    model = Model(Random(1), devices=2)
    model.write(model.say(model.devices[0]))
    history = model.history()
    left = msgspec.structs.replace(history[1], entries=history[1].entries[:-1], stayed=False)

    assert check((history[0], left)) == []


def test_a_lost_tail_that_is_called_recovered_is_a_silent_hole() -> None:
    model = Model(Random(1), devices=1)
    model.write(model.say(model.devices[0]))
    model.cut(model.devices[0])
    del model.log[1:]
    device = model.devices[0]
    auth = {"type": "auth", "user_id": "ada", "device_id": "d"}
    device.connection, device.connected = 2, True
    device.note(
        Way.SENT, auth | {"resume": {"epoch": EPOCH, "seq": 2, "id": f"a-{model.id_at(1)}"}}
    )
    top = {"epoch": EPOCH, "seq": 1, "id": "m1", "session_id": SESSION, "recovered": True}
    device.note(Way.RECEIVED, {"type": "system", **top})

    assert invariants(model.history()) == {Invariant.HONEST_GAP}


def lost_tail_history() -> History:
    """An answered and an unanswered text are acknowledged, forgotten, and that is told."""
    model = Model(Random(1), devices=2)
    model.write(model.say(model.devices[0]))
    model.say(model.devices[0])
    for device in model.devices:
        model.cut(device)
    seen, model.log = model.log, model.log[:1]
    for device in model.devices:
        device.connection, device.connected = 2, True
        at = {"epoch": EPOCH, "seq": 3, "id": seen[2]["message_id"]}
        auth = {"type": "auth", "user_id": "ada", "device_id": device.name, "resume": at}
        device.note(Way.SENT, auth)
        top = {"epoch": EPOCH, "seq": 1, "id": "m1", "session_id": SESSION, "recovered": False}
        device.note(Way.RECEIVED, {"type": "system", **top, "history": model.log})
        device.seq = 1
    model.write("m1")
    return model.history()


def test_a_lost_tail_that_was_told_is_forgiven_where_the_run_lost_it_on_purpose() -> None:
    assert check(lost_tail_history(), lost_tail=True) == []


def test_a_lost_tail_is_a_loss_in_any_other_run() -> None:
    assert invariants(lost_tail_history()) == {Invariant.NO_LOSS}


def test_a_position_that_the_client_never_had_is_found() -> None:
    model = Model(Random(1), devices=1)
    model.write(model.say(model.devices[0]))
    model.cut(model.devices[0])
    history = edited(model.history(), 0, resume={"epoch": EPOCH, "seq": 2, "id": "another"})

    assert invariants(history) == {Invariant.HONEST_GAP}


def busy_history(random: Random) -> History:
    """A correct run of devices that never lose a frame to another's eyes, with streamed answers."""
    model = Model(random, devices=random.randint(2, 3))
    for _ in range(random.randint(2, 5)):
        message = model.say(random.choice(model.devices))
        model.write(message, attempts=random.randint(1, 2))
        device = random.choice(model.devices)
        model.cut(device)
        model.attach(device)
        model.write(model.say(random.choice(model.devices)))
    return model.history()


def pick_places(history: History, pick: Random, *, followed_by: int) -> tuple[int, list[int]]:
    """A device, and indexes of log frames that follow one another on one connection of it."""
    choices = [
        (device, places[start : start + followed_by + 1])
        for device, record in enumerate(history)
        for places in log_frames(record)
        for start in range(len(places) - followed_by)
    ]
    return pick.choice(choices)


def log_frames(record: DeviceRecord) -> list[list[int]]:
    """Indexes of received log frames, one list a connection, without acks."""
    found: dict[int, list[int]] = {}
    for index, entry in enumerate(record.entries):
        frame = msgspec.json.decode(entry.data) if entry.way is Way.RECEIVED else {}
        if "seq" in frame and frame["type"] in ("text", "error"):
            found.setdefault(entry.connection, []).append(index)
    return list(found.values())


def changed(entry: Entry, frame: dict[str, object]) -> Entry:
    return msgspec.structs.replace(entry, data=msgspec.json.encode(frame).decode())


def edited(
    history: History,
    device: int,
    *,
    drop: int | None = None,
    repeat: list[int] | None = None,
    swap: list[int] | None = None,
    replace: tuple[int, dict[str, object]] | None = None,
    resume: dict[str, object] | None = None,
) -> History:
    """The history with one thing wrong in one device's record."""
    entries = list(history[device].entries)
    if drop is not None:
        del entries[drop]
    if repeat is not None:
        entries.insert(repeat[1] + 1, entries[repeat[0]])
    if swap is not None:
        first, second = swap
        entries[first], entries[second] = entries[second], entries[first]
    if replace is not None:
        entries[replace[0]] = changed(entries[replace[0]], replace[1])
    if resume is not None:
        last = max(i for i, entry in enumerate(entries) if '"auth"' in entry.data)
        auth = msgspec.json.decode(entries[last].data)
        entries[last] = changed(entries[last], auth | {"resume": resume})
    record = msgspec.structs.replace(history[device], entries=tuple(entries))
    return (*history[:device], record, *history[device + 1 :])
