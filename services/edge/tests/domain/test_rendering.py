from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley_core.domain.client_frames import Capability
from parley_core.domain.server_frames import InputRequest, Interrupt, encode
from parley_edge.domain.rendering import PLAIN_TYPES, as_plain, capabilities_of, is_shown

TYPES = [
    *("system", "text", "history", "ack", "turn", "delta", "input_request", "event"),
    *("presence", "typing", "reconnect", "heartbeat", "error"),
]
PLAIN: frozenset[Capability] = frozenset()


def question(*values: Any) -> bytes:
    return encode(
        InputRequest(
            message_id="q1",
            turn_id="t1",
            interrupts=[Interrupt(interrupt_id=f"i{n}", value=v) for n, v in enumerate(values)],
            session_id="00aa",
            seq=7,
            timestamp="2026-01-01T00:00:00.000Z",
        )
    )


@given(st.lists(st.text(max_size=32)))
def test_unknown_capabilities_are_ignored(names: list[str]) -> None:
    assert capabilities_of([*names, "ack"]) == capabilities_of(names) | {Capability.ACK}


def test_a_plain_client_is_shown_only_the_types_that_it_knows() -> None:
    shown = {type_ for type_ in TYPES if is_shown(type_, PLAIN)}

    # A question of the agent is among them, because it goes out as a text.
    assert shown == PLAIN_TYPES | {"input_request"}
    assert not is_shown("a type from a newer server", PLAIN)


@pytest.mark.parametrize(
    ("type_", "capability"),
    [("delta", "deltas"), ("turn", "turns"), ("typing", "typing"), ("event", "events")],
)
def test_a_client_is_shown_what_it_asked_for(type_: str, capability: str) -> None:
    everything_else = frozenset(Capability) - {Capability(capability)}

    assert is_shown(type_, frozenset({Capability(capability)}))
    assert not is_shown(type_, everything_else)


def test_a_question_is_a_text_of_the_assistant_for_a_plain_client() -> None:
    text = json.loads(as_plain("input_request", question("Really?")))

    assert text == {
        "type": "text",
        "message_id": "q1",
        "session_id": "00aa",
        "seq": 7,
        "role": "assistant",
        "content": "Really?",
        "turn_id": "t1",
        "timestamp": "2026-01-01T00:00:00.000Z",
    }


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("Go on?", "Go on?"),
        ({"question": "Go on?"}, "Go on?"),
        ({"message": "Go on?", "n": 1}, "Go on?"),
        ({"n": 1}, '{"n":1}'),
        (3, "3"),
        (None, "null"),
    ],
)
def test_a_question_is_put_in_words(value: Any, words: str) -> None:
    assert json.loads(as_plain("input_request", question(value)))["content"] == words


def test_several_questions_are_asked_line_by_line() -> None:
    text = json.loads(as_plain("input_request", question("One?", "Two?")))

    assert text["content"] == "One?\nTwo?"


@given(st.binary(), st.sampled_from(sorted(set(TYPES) - {"input_request"})))
def test_other_frames_stay_byte_for_byte(body: bytes, type_: str) -> None:
    assert as_plain(type_, body) is body
