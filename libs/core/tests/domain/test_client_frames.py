"""The protocol's tables of what a client may send, row by row."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley_core.domain.client_frames import (
    Ack,
    Answer,
    AnyClientFrame,
    Auth,
    Cancel,
    Command,
    HealthCheck,
    Heartbeat,
    Malformed,
    Position,
    Strategy,
    Text,
    Typing,
    decode,
    decode_first,
)
from parley_core.domain.codes import ErrorCode

NESTED = "[" * 10_000 + "]" * 10_000
HUGE = "1" * 5_000
"""More digits than Python reads as an int."""
FIELDS = ("type", "content", "user_id", "device_id", "seq", "resume", "value")


def frame(**fields: Any) -> str:
    return json.dumps(fields)


def text(**fields: Any) -> str:
    return frame(type="text", **{"content": "hi"} | fields)


def auth(**fields: Any) -> str:
    return frame(type="auth", **{"user_id": "ada", "device_id": "phone"} | fields)


def refusal(data: str | bytes, *, first: bool = False) -> tuple[ErrorCode, bool]:
    with pytest.raises(Malformed) as refused:
        (decode_first if first else decode)(data)
    assert refused.value.message.endswith(".")
    return refused.value.code, refused.value.closes


WELL_FORMED: list[tuple[str, AnyClientFrame]] = [
    (frame(type="health_check"), HealthCheck()),
    (frame(type="heartbeat", sent="whenever"), Heartbeat()),
    (text(strategy="reject", after=0), Text(content="hi", strategy=Strategy.REJECT, after=0)),
    (text(message_id="m" * 64), Text(content="hi", message_id="m" * 64)),
    (text(content="x" * 10_000), Text(content="x" * 10_000)),
    (text(content="😀" * 10_000), Text(content="😀" * 10_000)),
    (text(content=" \n a \t"), Text(content=" \n a \t")),
    (frame(type="command", command="get_history", before=7, limit=100),
     Command(command="get_history", before=7, limit=100)),
    (frame(type="command", command="fly"), Command(command="fly")),
    (frame(type="cancel"), Cancel()),
    (frame(type="answer", interrupt_id="i", value={"a": 1}),
     Answer(interrupt_id="i", value=msgspec.Raw(b'{"a": 1}'))),
    (frame(type="typing", state="start"), Typing(state="start")),
    (frame(type="ack", seq=0), Ack(seq=0)),
    (auth(capabilities=["ack", "telepathy"]),
     Auth(user_id="ada", device_id="phone", capabilities=["ack", "telepathy"])),
    (auth(resume={"epoch": "1-a", "seq": 3}),
     Auth(user_id="ada", device_id="phone", resume=Position("1-a", 3))),
    (auth(user_id="ü" * 128, new_session=True),
     Auth(user_id="ü" * 128, device_id="phone", new_session=True)),
]  # fmt: skip


@pytest.mark.parametrize(("data", "expected"), WELL_FORMED)
def test_a_well_formed_frame_is_decoded(data: str, expected: AnyClientFrame) -> None:
    assert decode(data) == expected


NOT_AN_OBJECT: dict[str, str | bytes] = {
    "nothing": "",
    "words": "hello",
    "an array": "[]",
    "a string": '"text"',
    "null": "null",
    "half a frame": '{"type":"text"',
    "two frames": '{"type":"heartbeat"}{"type":"heartbeat"}',
    "a byte order mark": '\ufeff{"type":"heartbeat"}',
    "not UTF-8": b'{"type":"text","content":"\xff"}',
    "NaN": '{"type":"text","content":NaN}',
    "Infinity in an unknown field": '{"type":"heartbeat","x":-Infinity}',
}


@pytest.mark.parametrize("data", NOT_AN_OBJECT.values(), ids=NOT_AN_OBJECT)
def test_what_is_not_a_json_object_closes(data: str | bytes) -> None:
    assert refusal(data) == (ErrorCode.INVALID_MESSAGE, True)
    assert refusal(data, first=True) == (ErrorCode.INVALID_MESSAGE, True)


INVALID = {
    "nested too deep": f'{{"type":"text","content":{NESTED}}}',
    "nested too deep in an unknown field": f'{{"type":"heartbeat","x":{NESTED}}}',
    "nested too deep after a fault": f'{{"type":"ack","seq":-1,"x":{NESTED}}}',
    "an escaped lone surrogate": '{"type":"text","content":"\\ud800"}',
    "a lone surrogate": '{"type":"text","content":"\ud800"}',
    "a lone surrogate in an unknown field": '{"type":"heartbeat","x":"\\ud800"}',
    "NUL": text(content="a\x00b"),
    "no content": frame(type="text"),
    "empty": text(content=""),
    "blank": text(content=" \n\t\u00a0"),
    "too long": text(content="x" * 10_001),
    "not text": text(content=5),
    "a timestamp of words": text(timestamp="yesterday"),
    "a timestamp in month 13": text(timestamp="2024-13-01T00:00:00Z"),
    "a timestamp that is a number": text(timestamp=1_700_000_000),
    "an empty message_id": text(message_id=""),
    "a long message_id": text(message_id="m" * 65),
    "a line feed in a message_id": text(message_id="a\nb"),
    "an unknown strategy": text(strategy="hope"),
    "a negative after": text(after=-1),
    "a type that is no string": frame(type=5),
    "no type": frame(content="hi"),
    "a seq of 5,000 digits": f'{{"type":"ack","seq":{HUGE}}}',
    "101 messages of history": frame(type="command", command="get_history", limit=101),
    "0 messages of history": frame(type="command", command="get_history", limit=0),
    "an empty topic": frame(type="command", command="switch_topic", topic=""),
    "101 users": frame(type="command", command="get_presence", user_ids=["u"] * 101),
    "no command": frame(type="command"),
    "an answer without a value": frame(type="answer", interrupt_id="i"),
    "another state": frame(type="typing", state="thinking"),
    "an ack of nothing": frame(type="ack"),
}


@pytest.mark.parametrize("data", INVALID.values(), ids=INVALID)
def test_a_malformed_frame_is_invalid_and_closes_only_at_first(data: str) -> None:
    assert refusal(data) == (ErrorCode.INVALID_MESSAGE, False)
    assert refusal(data, first=True) == (ErrorCode.INVALID_MESSAGE, True)


@given(st.text("a \n\t\x1f\u00a0\u2028\x00", min_size=1))
def test_a_text_says_something_and_has_no_nul(content: str) -> None:
    if content.strip() and "\x00" not in content:
        assert decode(text(content=content)) == Text(content=content)
    else:
        assert refusal(text(content=content)) == (ErrorCode.INVALID_MESSAGE, False)


BAD_AUTHS = {
    "no user_id": {"user_id": None},
    "an empty user_id": {"user_id": ""},
    "a long user_id": {"user_id": "u" * 129},
    "a user_id with a control character": {"user_id": "a\x85b"},
    "a user_id that is no string": {"user_id": 7},
    "an empty device_id": {"device_id": ""},
    "a long device_id": {"device_id": "d" * 129},
    "a device_id with a line feed": {"device_id": "a\nb"},
    "a position without a seq": {"resume": {"epoch": "1-a"}},
    "33 capabilities": {"capabilities": ["ack"] * 33},
    "a long token": {"token": "t" * 8193},
    "a bad timestamp": {"timestamp": "now"},
}


@pytest.mark.parametrize("fields", BAD_AUTHS.values(), ids=BAD_AUTHS)
@pytest.mark.parametrize("has_type", [True, False], ids=["typed", "untyped"])
def test_a_bad_auth_closes(fields: dict[str, Any], *, has_type: bool) -> None:
    whole = json.loads(auth()) | fields
    if not has_type:
        del whole["type"]

    assert refusal(json.dumps(whole), first=True) == (ErrorCode.INVALID_MESSAGE, True)


@pytest.mark.parametrize("field", ["user_id", "device_id"])
def test_an_auth_without_a_name_closes(field: str) -> None:
    whole = json.loads(auth())
    del whole[field]

    assert refusal(json.dumps(whole), first=True) == (ErrorCode.INVALID_MESSAGE, True)


def test_the_first_frame_may_be_an_auth_without_its_type() -> None:
    plain = frame(user_id="ada", device_id="phone", timestamp="2024-01-02T03:04:05+08:00", x=1)

    first = decode_first(plain)

    assert isinstance(first, Auth)
    assert (first.user_id, first.device_id) == ("ada", "phone")


def test_a_later_frame_may_not() -> None:
    assert refusal(frame(user_id="ada", device_id="phone")) == (ErrorCode.INVALID_MESSAGE, False)


@pytest.mark.parametrize(
    "deep",
    [NESTED, f'{{"user_id":"a","device_id":"b","x":{NESTED}}}', '{"a":' * 10_000],
    ids=["brackets", "an untyped auth", "objects"],
)
def test_a_first_frame_nested_too_deep_closes(deep: str) -> None:
    assert refusal(deep, first=True) == (ErrorCode.INVALID_MESSAGE, True)


def test_an_unknown_type_is_told_apart() -> None:
    assert refusal(frame(type="hologram")) == (ErrorCode.UNKNOWN_MESSAGE_TYPE, False)


def test_an_unknown_type_before_auth_closes_as_unauthenticated() -> None:
    assert refusal(frame(type="hologram"), first=True) == (ErrorCode.UNAUTHENTICATED, True)


def test_what_an_error_quotes_is_short_and_plain() -> None:
    with pytest.raises(Malformed) as refused:
        decode(frame(type="\ud800" + "x" * 1_000))

    assert refused.value.message.isascii()
    assert len(refused.value.message) < 100


@pytest.mark.parametrize(
    "timestamp",
    ["2024-01-02T03:04:05Z", "2024-01-02T03:04:05.678+02:00", "2024-01-02T03:04:05"],
)
def test_a_timestamp_may_have_a_fraction_and_an_offset_or_neither(timestamp: str) -> None:
    assert decode(frame(type="heartbeat", timestamp=timestamp)).timestamp is not None


values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(FIELDS), inner),
)


@given(st.text() | st.binary() | values.map(json.dumps))
def test_whatever_comes_is_a_frame_or_malformed(data: str | bytes) -> None:
    for judge in (decode, decode_first):
        with suppress(Malformed):
            assert isinstance(judge(data), AnyClientFrame)
