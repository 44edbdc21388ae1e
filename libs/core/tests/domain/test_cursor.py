from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley_core.domain.cursor import Cursor, LiveText, Step
from parley_core.domain.ids import Epoch, MessageId, Seq

EPOCH = Epoch("1-a")
seqs = st.integers(min_value=0, max_value=30).map(Seq)


def cursor(seq: int = 0) -> Cursor:
    return Cursor(EPOCH, Seq(seq), MessageId(f"m{seq}"))


@given(st.lists(st.integers(1, 12), max_size=80))
def test_a_reader_gets_every_event_once_and_in_order(arrivals: list[int]) -> None:
    reader = cursor()
    given_out: list[int] = []

    for seq in arrivals:
        step = reader.judge(EPOCH, Seq(seq))
        if step is Step.HOLE:  # then it reads the log
            for missed in range(reader.seq + 1, seq):
                reader = reader.advanced(Seq(missed), MessageId(f"m{missed}"))
                given_out.append(missed)
        if step in {Step.HOLE, Step.NEXT}:
            reader = reader.advanced(Seq(seq), MessageId(f"m{seq}"))
            given_out.append(seq)

    assert given_out == list(range(1, max(arrivals, default=0) + 1))
    assert reader.id == MessageId(f"m{max(arrivals, default=0)}")


@given(at=seqs, seq=seqs)
def test_a_frame_is_next_known_or_a_hole(at: Seq, seq: Seq) -> None:
    step = cursor(at).judge(EPOCH, seq)

    assert step is (Step.NEXT if seq == at + 1 else Step.KNOWN if seq <= at else Step.HOLE)


@given(at=seqs, seq=seqs)
def test_a_frame_of_another_epoch_is_neither(at: Seq, seq: Seq) -> None:
    assert cursor(at).judge(Epoch("2-b"), seq) is Step.OTHER_EPOCH


@given(at=seqs, seq=seqs.filter(lambda seq: seq > 0))
def test_a_reader_never_skips(at: Seq, seq: Seq) -> None:
    reader = cursor(at)
    if seq == at + 1:
        assert reader.advanced(seq, MessageId("m")).seq == seq
        return

    with pytest.raises(ValueError, match=f"expected seq {at + 1}, got {seq}"):
        reader.advanced(seq, MessageId("m"))


@st.composite
def attempts(draw: st.DrawFn) -> list[tuple[int, int, str]]:
    """Deltas of up to three attempts at one answer, some lost, some doubled."""
    deltas = []
    for attempt in range(1, draw(st.integers(1, 3)) + 1):
        offset = 0
        for piece in draw(st.lists(st.text("abcß😀", min_size=1, max_size=4), max_size=6)):
            deltas += [(attempt, offset, piece)] * draw(st.integers(0, 2))
            offset += len(piece)
    return deltas


@given(attempts())
def test_what_a_reader_has_of_an_attempt_is_a_prefix_of_it(
    deltas: list[tuple[int, int, str]],
) -> None:
    written: dict[int, dict[int, str]] = {}
    for attempt, offset, text in deltas:
        written.setdefault(attempt, {})[offset] = text
    live, shown = LiveText(), ""

    for attempt, offset, text in deltas:
        if live.judge("t", attempt, offset) is Step.NEXT:
            shown = (shown if attempt == live.attempt else "") + text
            live = LiveText("t", attempt, offset + len(text))
        whole = "".join(piece for _, piece in sorted(written.get(live.attempt, {}).items()))
        assert whole.startswith(shown)
        assert live.end == len(shown)


def test_a_late_piece_of_an_older_attempt_is_known() -> None:
    live = LiveText("t", 2, 0)

    assert live.judge("t", 1, 0) is Step.KNOWN


def test_a_new_attempt_that_is_not_seen_from_its_start_is_a_hole() -> None:
    live = LiveText("t", 1, 5)

    assert live.judge("t", 2, 5) is Step.HOLE


def test_a_piece_that_was_given_is_known() -> None:
    live = LiveText("t", 1, 5)

    assert live.judge("t", 1, 3) is Step.KNOWN


def test_another_turn_begins_at_its_start_whatever_its_attempt() -> None:
    live = LiveText("t", 3, 5)

    assert live.judge("u", 1, 0) is Step.NEXT
    assert live.judge("u", 1, 5) is Step.HOLE
