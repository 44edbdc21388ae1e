from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from pydantic import BaseModel

from parley_conversation.graph.rendering import DEEPEST, MOST, rendered
from parley_core.domain.codes import ErrorCode
from parley_core.domain.errors import Refused

plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    max_leaves=20,
)


def shown(value: object) -> Any:
    return json.loads(bytes(rendered(value)))


class Opaque:
    """Whoever calls one of these has gone too far."""

    def __repr__(self) -> str:
        raise AssertionError

    __str__ = __repr__


@dataclass
class Point:
    x: int
    y: Opaque


class Model(BaseModel):
    name: str
    point: Any


class Pair(NamedTuple):
    left: int
    right: str


class Colour(Enum):
    RED = 1


class Word(StrEnum):
    YES = "yes"


OPAQUE = {"type": f"{__name__}.Opaque"}


@given(plain)
def test_json_stays_what_it_is(value: object) -> None:
    assert shown(value) == value


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (HumanMessage("hi", id="m1"), {"role": "user", "id": "m1", "content": "hi"}),
        (SystemMessage("be nice"), {"role": "system", "content": "be nice"}),
        (
            AIMessage(
                [{"type": "text", "text": "well"}],
                id="a1",
                tool_calls=[{"name": "look", "args": {"at": [1]}, "id": "t1"}],
            ),
            {
                "role": "assistant",
                "id": "a1",
                "content": [{"type": "text", "text": "well"}],
                "tool_calls": [{"id": "t1", "name": "look", "args": {"at": [1]}}],
            },
        ),
        (
            ToolMessage("42", tool_call_id="t1", name="look"),
            {
                "role": "tool",
                "name": "look",
                "content": "42",
                "tool_call_id": "t1",
                "status": "success",
            },
        ),
    ],
)
def test_messages_have_a_role_an_id_and_a_content(
    message: object, expected: dict[str, Any]
) -> None:
    assert shown({"messages": [message]}) == {"messages": [expected]}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Opaque(), OPAQUE),
        (Opaque, {"type": "builtins.type"}),
        (Point(1, Opaque()), {"x": 1, "y": OPAQUE}),
        (Model(name="n", point=Point(2, Opaque())), {"name": "n", "point": {"x": 2, "y": OPAQUE}}),
        (Pair(1, "r"), [1, "r"]),
        ({3}, [3]),
        (Colour.RED, 1),
        (Word.YES, "yes"),
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00+00:00"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Decimal("1.50"), "1.50"),
        (b"secret", {"type": "builtins.bytes", "bytes": 6}),
        ([float("nan"), float("-inf")], ["nan", "-inf"]),
        (10**5_000, {"type": "builtins.int"}),
        ("\ud800", "\ufffd"),
        ({1: "a", (2, 3): "b", None: "c"}, {"1": "a", "[2, 3]": "b", "None": "c"}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_json_does_not_know_is_shown_as_far_as_it_is_known(
    value: object, expected: object
) -> None:
    assert shown(value) == expected


def test_what_lies_too_deep_is_told_to_be_there() -> None:
    value: list[Any] = []
    value.append(value)

    found = shown(value)
    for _ in range(DEEPEST - 1):
        (found,) = found

    assert found == [{"type": "builtins.list"}]


def test_a_state_has_a_megabyte_at_most() -> None:
    text = "x" * (MOST - len('{"a":""}'))

    assert len(bytes(rendered({"a": text}))) == MOST
    with pytest.raises(Refused) as refusal:
        rendered({"a": text + "x"})
    assert refusal.value.code is ErrorCode.MESSAGE_TOO_LARGE


@pytest.mark.parametrize(
    "value",
    ["ß" * MOST, ["x"] * MOST, {"x" * MOST: 1}, [[[]] * 1_000] * 1_000],
    ids=["text", "list", "key", "nested"],
)
def test_however_it_is_large_it_is_refused(value: object) -> None:
    with pytest.raises(Refused):
        rendered(value)


def test_a_value_that_holds_itself_often_ends_at_the_limit() -> None:
    value: list[Any] = []
    value += [value] * 10

    with pytest.raises(Refused):
        rendered(value, most=10_000)
