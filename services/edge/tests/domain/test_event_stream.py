"""Frames as events: any reader of the standard gets them whole, and comes back to its place."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from parley_core.domain import limits
from parley_core.domain.client_frames import Position
from parley_core.domain.codes import CLOSES, CloseCode, ErrorCode
from parley_core.domain.errors import Refused
from parley_edge.domain.event_stream import (
    KEEP_ALIVE,
    beginning,
    closing,
    event,
    event_id,
    position_of,
    read,
)
from parley_testing.event_source import EventSource

printable = st.text(
    st.characters(exclude_categories=("Cc", "Cs")) | st.sampled_from("-- ~%:/?\u2028 ö😀"),
    min_size=1,
    max_size=limits.IDENTIFIER,
)
positions = st.builds(
    Position, epoch=printable, seq=st.integers(0, 2**53), id=st.none() | printable
)
bodies = st.lists(st.text(max_size=20), max_size=3).map(
    lambda words: json.dumps(words, indent=1, ensure_ascii=False).encode()
)
events = st.lists(st.tuples(bodies, st.none() | positions), max_size=6)


@given(at=positions)
def test_an_id_says_where_its_reader_was(at: Position) -> None:
    assert position_of(event_id(at)) == at


@given(one=positions, other=positions)
def test_two_places_have_two_ids(one: Position, other: Position) -> None:
    assert (event_id(one) == event_id(other)) == (one == other)


@given(at=positions)
def test_an_id_goes_through_headers_lines_and_urls_as_it_is(at: Position) -> None:
    id_ = event_id(at)

    assert re.fullmatch(r"[A-Za-z0-9._~-]+", id_)
    assert len(id_) < 2_000


@given(text=st.text() | st.from_regex(r"[^-]*-[0-9]*-.*"))
def test_what_is_read_from_a_text_has_an_id_of_its_own(text: str) -> None:
    try:
        at = position_of(text)
    except Refused:
        return

    assert position_of(event_id(at)) == at


@pytest.mark.parametrize(
    "text", ["", "a", "a-1", "-1-x", "a--x", "a-x-1", "a-1-~FF", "a-1-~0A", f"a-{2**54}-x"]
)
def test_these_are_no_ids(text: str) -> None:
    with pytest.raises(Refused) as refusal:
        position_of(text)

    assert refusal.value.code is ErrorCode.INVALID_MESSAGE


@given(sent=events, cut=st.integers(1, 40))
def test_a_browser_gets_each_frame_and_stands_where_it_says(
    sent: list[tuple[bytes, Position | None]], cut: int
) -> None:
    source, stream = EventSource(), beginning(retry_ms=700)
    for body, at in sent:
        stream += KEEP_ALIVE + event(body, at=at)
    stream += closing(CloseCode.TOO_SLOW)

    for start in range(0, len(stream), cut):
        source.feed(stream[start : start + cut])

    *frames, last = source.messages
    places = [event_id(at) if at else None for _, at in sent]
    assert [json.loads(frame.data) for frame in frames] == [json.loads(body) for body, _ in sent]
    assert [frame.type for frame in frames] == ["message"] * len(sent)
    assert [frame.last_id for frame in frames] == [
        next((place for place in reversed(places[: index + 1]) if place), "")
        for index in range(len(places))
    ]
    assert (last.type, json.loads(last.data)["code"]) == ("close", 4001)
    assert source.retry_ms == 700


@given(sent=events)
def test_what_was_written_is_read_again(sent: list[tuple[bytes, Position | None]]) -> None:
    stream = beginning(retry_ms=700)
    stream += b"".join(KEEP_ALIVE + event(body, at=at) for body, at in sent)

    found = read(stream + closing(CloseCode.DRAINED))

    places = [event_id(at) for _, at in sent if at]
    assert found.frames == [Raw(body) for body, _ in sent]
    assert found.last_id == (places[-1] if places else "")


@pytest.mark.parametrize("code", CloseCode)
def test_a_close_says_its_code_and_why(code: CloseCode) -> None:
    source = EventSource()

    (told,) = source.feed(closing(code))

    assert told.type == "close"
    assert json.loads(told.data) == {"code": int(code), "reason": CLOSES[code].reason}
