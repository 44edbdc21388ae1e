from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from parley_conversation.domain.hearing import overheard, speaker
from parley_conversation.domain.said import Role, Said
from parley_core.domain.codes import ErrorCode
from parley_core.domain.server_frames import AnyServerFrame, Error, Text

users = st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=128)


def text(name: str, *, to_agent: bool) -> Text:
    return Text(
        message_id=name,
        session_id="s",
        role="user",
        user_id="ann",
        content=f"say {name}",
        addressed=UNSET if to_agent else False,
    )


def answer(to: str, finish: str = "stop") -> Text:
    return Text(
        message_id=f"a-{to}",
        session_id="s",
        role="assistant",
        content="well",
        turn_id=to,
        finish=finish,
    )


def said(*names: str) -> tuple[Said, ...]:
    return tuple(Said(Role.USER, name, f"say {name}", "ann") for name in names)


def test_what_was_said_while_the_agent_answered_somebody_else_is_heard() -> None:
    frames = [
        text("s1", to_agent=False),
        text("q1", to_agent=True),
        text("s2", to_agent=False),
        text("q2", to_agent=True),
        answer("q1"),
        text("s3", to_agent=False),
    ]

    assert overheard(frames) == said("s2", "s3")


def test_what_a_turn_heard_that_was_not_answered_is_heard_again() -> None:
    ends: list[AnyServerFrame] = [
        answer("q1", finish="cancelled"),
        Error(code=ErrorCode.TURN_FAILED, message="no", turn_id="q1"),
        Error(code=ErrorCode.TURN_ROLLED_BACK, message="no", turn_id="q1"),
    ]
    for end in ends:
        frames = [text("s1", to_agent=False), text("q1", to_agent=True), end]

        assert overheard(frames) == said("s1")


def test_an_answer_whose_input_is_further_back_than_one_looks_ends_nothing() -> None:
    assert overheard([text("s1", to_agent=False), answer("q1")]) == said("s1")


@given(users, users)
def test_a_speakers_name_is_one_that_providers_take_and_nobody_elses(one: str, two: str) -> None:
    names = speaker(one), speaker(two)

    assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name) for name in names)
    assert (names[0] == names[1]) == (one == two)


def test_a_speakers_name_is_the_users_id_where_it_can_be() -> None:
    assert speaker("ann_b-1") == "ann_b-1"
    assert speaker("ann@example.com").startswith("ann_example_com-")
