from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.domain.events import Snapshot, Unknown, decode, place
from parley.domain.inbox import Hole, Inbox
from parley_core.domain import server_frames as wire
from parley_core.domain.client_frames import Position


def system(seq: int, *, epoch: str = "e1", **fields: object) -> wire.System:
    given = {"session_id": "s", "epoch": epoch, "seq": seq, "recovered": False}
    if seq:
        given["id"] = f"m{seq}"
    data = msgspec.json.encode(given | fields | {"type": "system"})
    return msgspec.json.decode(data, type=wire.System)


def text(seq: int, *, session: str = "s") -> wire.Text:
    return wire.Text(message_id=f"m{seq}", session_id=session, role="user", content="", seq=seq)


def delta(offset: int, piece: str, *, attempt: int = 1) -> wire.Delta:
    return wire.Delta(turn_id="t", attempt=attempt, offset=offset, text=piece)


def attached(seq: int = 0) -> Inbox:
    inbox = Inbox()
    inbox.attach(system(seq), resumed=None)
    return inbox


@given(st.integers(0, 30), st.lists(st.tuples(st.integers(0, 30), st.integers(0, 10))))
def test_overlapping_connections_give_each_log_frame_once_and_in_order(
    top: int, spans: list[tuple[int, int]]
) -> None:
    inbox, stream = attached(), []
    for back, length in [*spans, (top, 2 * top)]:
        position = inbox.position
        assert position is not None
        start = max(0, position.seq - back)
        resumed = Position("e1", start, f"m{start}" if start else None)
        assert inbox.attach(system(top, recovered=True), resumed=resumed) is None
        for seq in range(start + 1, min(top, start + length) + 1):
            event = inbox.accept(text(seq))
            stream += [] if event is None else [place(event)]

    assert stream == list(range(1, top + 1))
    assert inbox.position == Position("e1", top, f"m{top}" if top else None)


def test_a_frame_whose_predecessor_did_not_come_is_a_hole() -> None:
    inbox = attached(seq=3)

    with pytest.raises(Hole, match="expected seq 4, got 5"):
        inbox.accept(text(5))

    assert inbox.position == Position("e1", 3, "m3")


def test_a_log_frame_before_the_first_system_is_a_hole() -> None:
    with pytest.raises(Hole):
        Inbox().accept(text(1))


def test_an_ack_takes_its_texts_place() -> None:
    inbox = attached(seq=3)
    ack = wire.Ack(message_id="mine", seq=4)

    assert inbox.accept(ack) is ack
    assert inbox.position == Position("e1", 4, "mine")
    assert inbox.accept(text(4)) is None


def test_the_ack_of_a_repeat_moves_nothing() -> None:
    inbox = attached(seq=3)

    assert inbox.accept(wire.Ack(message_id="old", seq=2)) is None
    assert inbox.accept(wire.Ack(message_id="early", seq=5)) is None
    assert inbox.position == Position("e1", 3, "m3")


def test_the_first_system_is_a_snapshot_without_a_gap() -> None:
    inbox = Inbox()
    text_fields = msgspec.json.decode(wire.encode(text(7)))

    snapshot = inbox.attach(system(7, history=[text_fields], has_more=True), resumed=None)

    assert snapshot == Snapshot(
        session_id="s",
        position=Position("e1", 7, "m7"),
        frames=(text(7),),
        has_more=True,
        gap=False,
    )


@pytest.mark.parametrize("epoch", ["e1", "e2"])
def test_a_resume_that_was_not_possible_is_a_snapshot_with_a_gap(epoch: str) -> None:
    inbox = attached(seq=3)

    snapshot = inbox.attach(system(9, epoch=epoch), resumed=inbox.position)

    assert snapshot is not None
    assert snapshot.gap
    assert inbox.position == Position(epoch, 9, "m9")


def test_recovered_in_another_epoch_is_not_believed() -> None:
    inbox = attached(seq=3)

    snapshot = inbox.attach(system(9, epoch="e2", recovered=True), resumed=inbox.position)

    assert snapshot is not None
    assert snapshot.gap


def test_a_gap_told_in_the_middle_of_a_connection_is_a_snapshot_with_a_gap() -> None:
    inbox = attached(seq=3)

    snapshot = inbox.accept(system(1, epoch="e2"))

    assert isinstance(snapshot, Snapshot)
    assert snapshot.gap
    assert inbox.position == Position("e2", 1, "m1")


def test_moving_to_another_session_is_a_snapshot_without_a_gap() -> None:
    inbox = attached(seq=3)
    told = system(1, session_id="other", epoch="e9", request_id="r", recovered=True)

    snapshot = inbox.accept(told)

    assert isinstance(snapshot, Snapshot)
    assert not snapshot.gap
    assert inbox.session_id == "other"


def test_a_clear_begins_a_new_epoch_where_the_old_one_ended() -> None:
    inbox = attached(seq=3)
    cleared = wire.System(session_id="s", epoch="e2", seq=3, id="m3", cleared=True)

    assert inbox.accept(cleared) is cleared
    assert inbox.accept(cleared) is None
    assert inbox.position == Position("e2", 3, "m3")
    assert inbox.accept(text(4)) is not None


def test_a_clear_after_frames_that_did_not_come_is_a_hole() -> None:
    inbox = attached(seq=3)

    with pytest.raises(Hole):
        inbox.accept(wire.System(session_id="s", epoch="e2", seq=5, id="m5", cleared=True))


def test_a_log_frame_of_a_newer_server_keeps_its_place() -> None:
    inbox = attached(seq=3)
    frame = decode(b'{"type":"hologram","seq":4,"message_id":"h"}')

    assert inbox.accept(frame) is frame
    assert isinstance(frame, Unknown)
    assert inbox.position == Position("e1", 4, "h")


@pytest.mark.parametrize(
    "frame",
    [
        wire.System(request_id="r", sessions=[]),
        wire.History(messages=[], has_more=False, request_id="r"),
        wire.Heartbeat(server_time="now"),
    ],
)
def test_replies_are_not_events(frame: wire.ServerFrame) -> None:
    assert attached().accept(frame) is None  # type: ignore[arg-type]


@given(
    st.text(min_size=1, max_size=30),
    st.lists(st.tuples(st.integers(0, 30), st.integers(1, 10)), max_size=20),
)
def test_pieces_from_overlapping_connections_join_to_the_whole_text(
    answer: str, spans: list[tuple[int, int]]
) -> None:
    inbox, written = attached(), ""
    for back, length in [*spans, (0, len(answer))]:
        start = max(0, len(written) - back)
        piece = answer[start : start + length]
        event = inbox.accept(delta(start, piece))
        if event is not None:
            assert isinstance(event, wire.Delta)
            assert event.offset == len(written)
            written += event.text
        assert len(written) >= start + len(piece)

    assert written == answer


def test_a_piece_that_cannot_be_joined_is_left_out() -> None:
    inbox = attached()
    inbox.accept(delta(0, "abc"))

    assert inbox.accept(delta(5, "fg")) is None
    assert inbox.accept(delta(3, "de")) == delta(3, "de")


def test_a_new_attempt_begins_at_its_beginning_and_ends_the_old_one() -> None:
    inbox = attached()
    inbox.accept(delta(0, "abc"))

    assert inbox.accept(delta(0, "x", attempt=2)) == delta(0, "x", attempt=2)
    assert inbox.accept(delta(3, "d", attempt=1)) is None
    assert inbox.accept(delta(0, "abcde", attempt=1)) is None


def node(name: str) -> wire.Turn:
    return wire.Turn(turn_id="t", attempt=1, status="running", node=name)


@given(st.integers(0, 12), st.integers(0, 12), st.integers(0, 12))
def test_what_was_only_live_comes_once_where_connections_overlap(
    began: int, attached_at: int, ended: int
) -> None:
    """The old connection brings all below `ended`, the new one all from `attached_at` on."""
    began, attached_at, ended = sorted((began, attached_at, ended))
    inbox, frames, stream = attached(), [node(f"node {number}") for number in range(15)], []
    for number, frame in enumerate(frames[:ended]):
        if number == began:
            inbox.begin_overlap()
        stream.append(inbox.accept(frame))
    if began >= ended:
        inbox.begin_overlap()
    inbox.attach(system(0, recovered=True), resumed=inbox.position)
    stream += [inbox.accept(frame) for frame in frames[attached_at:]]

    assert [frame for frame in stream if frame is not None] == frames


def test_what_is_only_live_may_say_the_same_again_on_one_connection() -> None:
    inbox = attached()

    assert [inbox.accept(node("a")), inbox.accept(node("a"))] == [node("a"), node("a")]


def test_a_clear_that_came_over_the_old_connection_is_no_gap_on_the_new_one() -> None:
    inbox = attached(seq=3)
    resumed = inbox.position
    inbox.accept(wire.System(session_id="s", epoch="e2", seq=3, id="m3", cleared=True))

    assert inbox.attach(system(3, epoch="e2"), resumed=resumed) is None
    assert inbox.position == Position("e2", 3, "m3")


def test_a_position_that_only_looks_like_the_streams_is_a_gap() -> None:
    inbox = attached(seq=3)
    resumed = inbox.position

    snapshot = inbox.attach(system(3, epoch="e2"), resumed=resumed)

    assert isinstance(snapshot, Snapshot)
    assert snapshot.gap
