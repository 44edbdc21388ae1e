from __future__ import annotations

import msgspec
import pytest

from parley_core.domain import server_frames
from parley_core.domain.codes import ErrorCode


def test_a_field_that_says_nothing_is_not_sent() -> None:
    frame = server_frames.Text(message_id="m", session_id="s", role="user", content="hi")

    sent = msgspec.json.decode(server_frames.encode(frame))

    expected = {"message_id": "m", "session_id": "s", "role": "user", "content": "hi"}
    assert sent == {"type": "text", **expected}


def test_a_field_of_every_frame_that_must_be_there_is_sent_even_if_it_is_empty() -> None:
    assert msgspec.json.decode(
        server_frames.encode(server_frames.History(messages=[], has_more=False))
    ) == {
        "type": "history",
        "messages": [],
        "has_more": False,
    }


def test_an_open_frame_lacks_what_the_store_adds() -> None:
    frame = server_frames.Error(code=ErrorCode.TURN_FAILED, message="no", turn_id="t")

    completed = (
        server_frames.encode_open(frame) + b',"seq":7,"timestamp":"2024-01-01T00:00:00.000Z"}'
    )

    assert server_frames.decode(completed) == server_frames.Error(
        code=ErrorCode.TURN_FAILED,
        message="no",
        turn_id="t",
        seq=7,
        timestamp="2024-01-01T00:00:00.000Z",
    )


def test_a_type_from_a_newer_server_is_a_decode_error() -> None:
    with pytest.raises(msgspec.DecodeError):
        server_frames.decode(b'{"type":"hologram"}')
