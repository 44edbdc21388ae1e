"""Single connections, frame by frame."""

from __future__ import annotations

from typing import Any

import msgspec

from parley.bench.checker import check
from parley.bench.record import DeviceRecord, Entry
from parley.bench.violations import Invariant
from parley.connection import Way

Frame = dict[str, Any]
AUTH: Frame = {"type": "auth", "user_id": "ada", "device_id": "one"}


def auth(seq: int | None = None, *, epoch: str = "e1") -> Frame:
    """A connection begins; with a seq it resumes."""
    return AUTH if seq is None else AUTH | {"resume": {"epoch": epoch, "seq": seq, "id": f"m{seq}"}}


def system(seq: int, *, recovered: bool, session: str = "s", **fields: Any) -> Frame:
    top = {"session_id": session, "epoch": "e1", "seq": seq, "id": f"m{seq}" if seq else ""}
    return {"type": "system", "recovered": recovered} | top | fields


def text(seq: int, *, session: str = "s", id: str = "") -> Frame:
    place = {"session_id": session, "seq": seq, "message_id": id or f"m{seq}"}
    return {"type": "text", "role": "user", "content": "hello"} | place


def answer(seq: int, content: str) -> Frame:
    written = {"role": "assistant", "content": content, "turn_id": "t"}
    return text(seq) | written


def ack(seq: int) -> Frame:
    return {"type": "ack", "message_id": f"m{seq}", "seq": seq}


def delta(offset: int, piece: str, *, attempt: int = 1) -> Frame:
    return {"type": "delta", "turn_id": "t", "attempt": attempt, "offset": offset, "text": piece}


def running(attempt: int) -> Frame:
    return {"type": "turn", "turn_id": "t", "attempt": attempt, "status": "running"}


def record(*connections: list[Frame], device: str = "one", stayed: bool = True) -> DeviceRecord:
    """One list a connection; its first frame, and texts without a session, are the client's."""
    entries = [
        Entry(
            float(index),
            number,
            Way.RECEIVED if index and "after" not in frame else Way.SENT,
            msgspec.json.encode(frame).decode(),
        )
        for number, frames in enumerate(connections)
        for index, frame in enumerate(frames)
    ]
    return DeviceRecord("ada", device, tuple(entries), stayed)


def said(seq: int) -> Frame:
    return {"type": "text", "content": "hello", "message_id": f"m{seq}", "after": 0}


def judged(*records: DeviceRecord, lost_tail: bool = False) -> list[Invariant]:
    return [violation.invariant for violation in check(records, lost_tail=lost_tail)]


FRESH = [auth(), system(0, recovered=False)]


def test_a_text_may_follow_its_own_ack_in_a_replay() -> None:
    resumed = [auth(1), system(2, recovered=True), ack(2), text(2), text(3)]

    assert judged(record([*FRESH, text(1)], resumed)) == []


def test_another_text_in_the_place_of_an_ack_is_out_of_order() -> None:
    resumed = [auth(1), system(2, recovered=True), ack(2), text(2, id="x")]

    assert set(judged(record([*FRESH, text(1)], resumed))) == {Invariant.ORDER}


def test_the_ack_of_a_repeat_before_a_longer_replay_takes_no_place() -> None:
    resumed = [auth(1), system(3, recovered=True), ack(3), text(2), text(3), text(4)]

    assert judged(record([*FRESH, text(1)], resumed)) == []


def test_an_ack_that_stands_for_its_text_and_comes_before_its_turn_is_out_of_order() -> None:
    assert judged(record([*FRESH, text(1), ack(3), text(2), text(4)])) == [Invariant.ORDER]


def test_what_is_missing_before_an_ack_is_a_hole_and_the_ack_is_not() -> None:
    assert judged(record([*FRESH, text(1), ack(3), text(4)])) == [Invariant.HONEST_GAP]


def test_a_replay_that_does_not_begin_after_the_position_is_a_silent_hole() -> None:
    resumed = [auth(1), system(3, recovered=True), text(3)]

    assert judged(record([*FRESH, text(1)], resumed)) == [Invariant.HONEST_GAP]


def test_a_replay_of_what_the_client_had_is_out_of_order() -> None:
    resumed = [auth(2), system(2, recovered=True), text(2)]

    assert judged(record([*FRESH, text(1), text(2)], resumed)) == [Invariant.ORDER]


def test_a_connection_that_asks_for_nothing_begins_where_it_is_told() -> None:
    other = [auth(), system(2, recovered=True, history=[text(1), text(2)]), text(3)]

    assert judged(record([*FRESH, text(1)], other)) == []


def test_a_move_to_another_session_and_back_is_no_gap() -> None:
    there = system(7, recovered=True, session="t", epoch="e7", request_id="r")
    back = system(1, recovered=True, request_id="r")

    moved = [*FRESH, text(1), there, text(8, session="t"), back, text(2)]

    assert judged(record(moved)) == []


def test_a_move_does_not_excuse_what_was_lost() -> None:
    moved = system(0, recovered=False, request_id="r", epoch="e2")

    assert judged(record([*FRESH, said(1), ack(1), moved]), lost_tail=True) == [Invariant.NO_LOSS]


def test_word_of_a_recheck_that_found_nothing_missing_changes_nothing() -> None:
    assert judged(record([*FRESH, text(1), system(1, recovered=True), text(2)])) == []


def test_a_clear_goes_on_after_the_last_frame_in_a_new_epoch() -> None:
    cleared = {"type": "system", "cleared": True, "epoch": "e2", "seq": 1, "id": "m1"}
    resumed = [auth(1, epoch="e2"), system(2, recovered=True, epoch="e2"), text(2), text(3)]

    assert judged(record([*FRESH, text(1), cleared], resumed)) == []
    # The position of a clear may be resumed from though another frame has come since.
    assert judged(record([*FRESH, text(1), cleared, text(2)], resumed)) == []


def test_a_clear_after_a_frame_that_did_not_come_is_a_silent_hole() -> None:
    cleared = {"type": "system", "cleared": True, "epoch": "e2", "seq": 2, "id": "m2"}

    assert judged(record([*FRESH, text(1), cleared, text(3)])) == [Invariant.HONEST_GAP]


def test_pieces_that_overlap_and_agree_are_whole() -> None:
    pieces = [delta(0, "abc"), delta(1, "bcd"), delta(0, "ab")]

    assert judged(record([*FRESH, *pieces, answer(1, "abcde")])) == []


def test_pieces_that_overlap_and_differ_are_torn() -> None:
    pieces = [delta(0, "abc"), delta(1, "xc")]

    assert judged(record([*FRESH, *pieces, answer(1, "abcde")])) == [Invariant.WHOLE_TEXT]


def test_a_piece_that_begins_after_the_end_of_the_last_one_is_torn() -> None:
    pieces = [delta(0, "abc"), delta(5, "de")]

    assert judged(record([*FRESH, *pieces, answer(1, "abcde")])) == [Invariant.WHOLE_TEXT]


def test_an_attempt_that_writes_after_its_successor_is_torn() -> None:
    pieces = [delta(0, "ab"), delta(0, "a", attempt=2), delta(1, "b")]

    assert judged(record([*FRESH, *pieces, answer(1, "abcde")])) == [Invariant.WHOLE_TEXT]


def test_an_attempt_that_wrote_nothing_puts_away_the_one_before() -> None:
    pieces = [delta(0, "xyz"), running(2)]

    assert judged(record([*FRESH, *pieces, answer(1, "abcde")])) == []


def test_pieces_on_a_connection_that_did_not_see_the_answer_are_not_judged() -> None:
    resumed = [auth(0), system(1, recovered=True), answer(1, "abcde")]

    assert judged(record([*FRESH, delta(0, "xyz")], resumed)) == []


def test_one_device_that_sees_a_place_change_is_out_of_order() -> None:
    page = {"type": "history", "messages": [text(1, id="other")], "has_more": False}

    assert judged(record([*FRESH, text(1), page])) == [Invariant.ORDER]


def test_devices_that_disagree_about_an_id_are_out_of_order() -> None:
    one = record([*FRESH, said(1), ack(1), failure(2, turn="m1")])
    other = record([*FRESH, text(1, id="x"), failure(2, turn="m1")], device="two")

    assert judged(one, other) == [Invariant.ORDER]


def failure(seq: int, *, turn: str, **fields: Any) -> Frame:
    ending = {"type": "error", "code": "TURN_FAILED", "message": "no", "turn_id": turn}
    return ending | {"seq": seq, "message_id": f"m{seq}"} | fields


def test_a_failure_that_bears_the_id_of_its_input_is_no_double() -> None:
    ended = [*FRESH, said(1), ack(1), failure(2, turn="m1", message_id="m1")]

    assert judged(record(ended)) == []


def test_the_ack_of_what_is_no_text_asks_for_no_answer() -> None:
    assert judged(record([*FRESH, ack(1)])) == []


def test_an_early_ack_is_not_where_a_device_ended() -> None:
    one = record([*FRESH, text(1), said(3), ack(3)])
    other = record([*FRESH, text(1), text(2), text(3), failure(4, turn="m3")], device="two")

    assert judged(one, other) == [Invariant.HONEST_GAP]


def test_an_early_ack_alone_is_a_hole_where_the_log_ends_with_it() -> None:
    one = record([*FRESH, text(1), ack(3)])
    other = record([*FRESH, text(1), text(2), text(3)], device="two")

    assert judged(one, other) == [Invariant.HONEST_GAP]


def test_devices_that_end_in_different_epochs_are_told_apart() -> None:
    one = record([*FRESH, text(1)])
    other = record([auth(), system(0, recovered=False, epoch="e2"), text(1, id="x")], device="two")

    assert judged(one, other) == [Invariant.HONEST_GAP]


def test_who_left_before_a_tail_was_lost_need_not_agree_with_what_replaced_it() -> None:
    left = record([*FRESH, text(1), text(2)], stayed=False)
    other = record([*FRESH, text(1), text(2, id="new")], device="two")

    assert judged(left, other, lost_tail=True) == []
    assert judged(left, other) == [Invariant.ORDER]


def test_a_loss_that_was_not_told_is_a_loss_even_where_losses_are_forgiven() -> None:
    assert judged(record([*FRESH, said(1), ack(1)]), lost_tail=True) == [Invariant.NO_LOSS]
