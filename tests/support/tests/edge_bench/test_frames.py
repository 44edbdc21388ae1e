"""Frames as the load generator cuts them out of a stream, and as it makes them."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame as TheirFrame
from websockets.frames import Opcode
from websockets.streams import StreamReader

from parley_testing.edge_bench.frames import (
    CLOSE,
    PING,
    TEXT,
    FrameParser,
    ProtocolViolation,
    masked,
    plain,
)

SIZES = st.sampled_from([0, 1, 125, 126, 65_535, 65_536, 70_000])
FRAMES = st.lists(st.tuples(st.sampled_from([TEXT, PING, CLOSE]), SIZES), max_size=6)


def parsed(chunks: list[bytes]) -> list[tuple[int, bytes]]:
    found: list[tuple[int, bytes]] = []
    parser = FrameParser(lambda opcode, data, start, end: found.append((opcode, data[start:end])))
    for chunk in chunks:
        parser.feed(chunk)
    return found


@given(frames=FRAMES, cuts=st.lists(st.integers(0, 200_000), max_size=8))
def test_frames_are_found_wherever_the_stream_is_cut(
    frames: list[tuple[int, int]], cuts: list[int]
) -> None:
    expected = [(opcode, bytes([index]) * size) for index, (opcode, size) in enumerate(frames)]
    stream = b"".join(plain(payload, opcode=opcode) for opcode, payload in expected)
    places = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})

    found = parsed([stream[a:b] for a, b in pairwise(places)])

    assert found == expected


def test_half_a_frame_is_not_given_out() -> None:
    whole = plain(b"x" * 300)

    assert parsed([whole[:-1]]) == []
    assert parsed([whole[:3], whole[3:]]) == [(TEXT, b"x" * 300)]


@pytest.mark.parametrize("first", [0x01, 0xC1], ids=["a fragment", "a reserved bit"])
def test_what_no_server_here_sends_is_refused(first: int) -> None:
    with pytest.raises(ProtocolViolation):
        parsed([bytes((first, 1)) + b"x"])


def test_a_masked_frame_of_a_server_is_refused() -> None:
    with pytest.raises(ProtocolViolation):
        parsed([masked(b"x")])


@given(size=SIZES)
def test_a_masked_frame_is_what_another_library_reads(size: int) -> None:
    payload = bytes(number % 251 for number in range(size))

    assert their_reading(masked(payload)) == (Opcode.TEXT, payload)


def their_reading(data: bytes) -> tuple[Opcode, bytes]:
    reader = StreamReader()
    reader.feed_data(data)
    parser = TheirFrame.parse(reader.read_exact, mask=True)
    with pytest.raises(StopIteration) as ended:
        next(parser)
    frame = ended.value.value
    return frame.opcode, bytes(frame.data)
