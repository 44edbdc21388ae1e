from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from parley_conversation.domain.answer import Finish, answer_id, answer_to, cut, well_formed
from parley_conversation.domain.said import Role, Said
from parley_core.domain import limits
from parley_core.domain.events import Lease
from parley_core.domain.ids import SessionId, Token, TurnId

TURN = TurnId("q2")
ASKED = Said(Role.USER, TURN, "and now?")

texts = st.text(min_size=1, max_size=20)


def ai(text: str) -> Said:
    return Said(Role.ASSISTANT, "m", text)


@given(st.lists(texts, max_size=4), st.lists(texts, max_size=4))
def test_the_answer_is_what_the_assistant_said_after_the_input(
    before: list[str], after: list[str]
) -> None:
    messages = [*map(ai, before), ASKED, *map(ai, after)]

    answer = answer_to(TURN, messages)

    assert answer.text == "\n\n".join(after)
    assert answer.finish is Finish.STOP


def test_tool_messages_and_empty_ones_are_no_part_of_the_answer() -> None:
    messages = [ASKED, ai(""), Said(Role.OTHER, "t", "42 rows"), ai("It is 42.")]

    assert answer_to(TURN, messages).text == "It is 42."


def test_when_the_graph_dropped_the_input_only_the_newest_message_is_the_answer() -> None:
    messages = [ai("an older answer"), ai("the answer")]

    assert answer_to(TURN, messages).text == "the answer"


@given(st.text(alphabet="aé漢😀", min_size=1, max_size=40))
def test_a_long_answer_is_cut_between_code_points_and_says_so(unit: str) -> None:
    text = unit * (limits.ANSWER // len(unit.encode()) + 1)

    answer = cut(text)

    assert answer.finish is Finish.LENGTH
    assert text.startswith(answer.text)
    assert limits.ANSWER - 4 < len(answer.text.encode()) <= limits.ANSWER


def test_an_answer_of_exactly_the_limit_is_whole() -> None:
    assert cut("x" * limits.ANSWER).finish is Finish.STOP


@given(st.text(alphabet=st.characters(exclude_categories=())))
def test_every_text_can_be_written_as_utf8_with_the_same_length(text: str) -> None:
    formed = well_formed(text)

    assert len(formed) == len(text)
    assert formed.encode().decode() == formed


@given(st.tuples(texts, texts, texts), st.tuples(texts, texts, texts))
def test_an_answers_id_is_that_of_its_turn_and_lease(
    one: tuple[str, str, str], other: tuple[str, str, str]
) -> None:
    ids = [
        answer_id(Lease(SessionId(session), Token(token)), TurnId(turn))
        for session, token, turn in (one, other)
    ]

    assert (ids[0] == ids[1]) == ("\n".join(one) == "\n".join(other))
    assert all(len(each) <= limits.IDENTIFIER for each in ids)
