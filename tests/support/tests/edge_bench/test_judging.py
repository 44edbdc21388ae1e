"""What clients of the benchmark hold against a server: holes, repeats, answers that differ."""

from __future__ import annotations

import json
from typing import Any

import pytest

from parley_testing.edge_bench.latencies import Latencies, content
from parley_testing.edge_bench.readers import Reader
from parley_testing.edge_bench.roaming import Line, Roamer, Seen


def system(seq: int, **fields: Any) -> dict[str, Any]:
    return {
        "type": "system",
        "session_id": "0as",
        "epoch": "e",
        "seq": seq,
        "id": f"m{seq}",
        "recovered": True,
        **fields,
    }


def text(seq: int) -> dict[str, Any]:
    return {"type": "text", "seq": seq, "message_id": f"m{seq}", "content": content(30)}


def ack(seq: int) -> dict[str, Any]:
    return {"type": "ack", "seq": seq, "message_id": f"m{seq}"}


def tell(client: Line | Reader, *frames: dict[str, Any]) -> None:
    for frame in frames:
        data = json.dumps(frame, separators=(",", ":")).encode()
        client.received(data, 0, len(data))


def new_line(*frames: dict[str, Any], roamer: Roamer | None = None) -> tuple[Line, Roamer]:
    roamer = roamer or Roamer("user", "phone", port=1, seen=Seen())
    line = Line(roamer)
    tell(line, *frames)
    return line, roamer


async def test_frames_in_order_are_well_and_timed() -> None:
    _, roamer = new_line(system(4), text(5), ack(6), text(7))

    assert not roamer.seen.wrong
    assert roamer.seq == 7
    assert len(roamer.seen.latencies) == 2


@pytest.mark.parametrize(
    ("frames", "wrong"),
    [
        ([text(6)], "a hole"),
        ([text(5), text(5)], "doubled"),
        ([text(4)], "doubled"),
        ([{"type": "error", "code": "INTERNAL"}], "error INTERNAL"),
    ],
)
async def test_what_is_not_in_order_is_wrong(frames: list[dict[str, Any]], wrong: str) -> None:
    _, roamer = new_line(system(4), *frames)

    assert roamer.seen.wrong == {wrong: 1}


async def test_an_ack_of_what_was_sent_again_is_no_second_event() -> None:
    _, roamer = new_line(system(4), text(5), ack(5))

    assert not roamer.seen.wrong


async def test_a_resumed_connection_goes_on_where_the_client_was() -> None:
    _, roamer = new_line(system(4), text(5))

    new_line(system(7), text(6), text(7), roamer=roamer)

    assert not roamer.seen.wrong
    assert len(roamer.seen.resumed) == 1
    assert roamer.seq == 7


async def test_what_both_connections_of_a_move_bring_is_heard_once() -> None:
    old, roamer = new_line(system(4))
    new = Line(roamer)
    tell(old, text(5))
    tell(new, system(5), text(5), text(6))

    assert not roamer.seen.wrong
    assert len(roamer.seen.latencies) == 2


@pytest.mark.parametrize("fields", [{"recovered": False}, {"epoch": "another"}])
async def test_a_position_that_is_not_taken_up_is_wrong(fields: dict[str, Any]) -> None:
    _, roamer = new_line(system(4), text(5))

    new_line(system(5, **fields), roamer=roamer)

    assert roamer.seen.wrong == {"not recovered": 1}


def delta(offset: int, piece: str) -> dict[str, Any]:
    return {"type": "delta", "turn_id": "t", "attempt": 1, "offset": offset, "text": piece}


def answer(whole: str) -> dict[str, Any]:
    return {"type": "text", "role": "assistant", "content": whole, "message_id": "a"}


@pytest.mark.parametrize(
    ("frames", "torn", "differs"),
    [
        ([delta(0, "ab"), delta(2, "c"), answer("abc")], 0, 0),
        ([delta(0, "ab"), delta(3, "d"), answer("abcd")], 1, 1),
        ([delta(0, "ab"), answer("abc")], 0, 1),
    ],
)
async def test_deltas_are_held_against_the_answer(
    frames: list[dict[str, Any]], torn: int, differs: int
) -> None:
    reader = Reader(user="user", device="phone", latencies=Latencies(), stamped=False)
    tell(reader, system(0), *frames)

    assert (reader.torn, reader.differs, reader.answers) == (torn, differs, 1)
