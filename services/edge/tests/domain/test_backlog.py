from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from parley_edge.domain.backlog import LIVE_AGE, LIVE_BYTES, Backlog


@given(st.lists(st.tuples(st.binary(min_size=1, max_size=20), st.booleans())))
def test_frames_come_out_in_order_and_bytes_are_counted(frames: list[tuple[bytes, bool]]) -> None:
    backlog = Backlog()

    for framed, live in frames:
        backlog.push(framed, live_since=0.0 if live else None)

    assert backlog.live_bytes == sum(len(framed) for framed, live in frames if live)
    assert [backlog.pop() for _ in range(len(backlog))] == [framed for framed, _ in frames]
    assert backlog.live_bytes == 0


def test_a_client_is_too_slow_past_a_megabyte_of_live_frames() -> None:
    backlog = Backlog()

    backlog.push(b"x" * LIVE_BYTES, live_since=0.0)
    within = backlog.is_too_slow(now=0.0)
    backlog.push(b"x", live_since=0.0)

    assert not within
    assert backlog.is_too_slow(now=0.0)


def test_a_client_is_too_slow_when_a_live_frame_waits_too_long() -> None:
    backlog = Backlog()

    backlog.push(b"replayed", live_since=None)
    backlog.push(b"live", live_since=5.0)

    assert not backlog.is_too_slow(now=5.0 + LIVE_AGE)
    assert backlog.is_too_slow(now=5.1 + LIVE_AGE)


def test_a_replay_never_makes_a_client_too_slow() -> None:
    backlog = Backlog()

    backlog.push(b"x" * 2 * LIVE_BYTES, live_since=None)

    assert not backlog.is_too_slow(now=1e9)
