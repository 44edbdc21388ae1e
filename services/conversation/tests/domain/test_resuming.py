from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from parley_conversation.domain.resuming import Question, answers_for

ids = st.sampled_from(["i1", "i2", "i3"])
values = st.recursive(st.none() | st.integers() | st.text(), st.lists)


def test_what_json_does_not_have_is_shown_as_text() -> None:
    assert bytes(Question("i1", {None: object}).shown) == b'{"None":"<class \'object\'>"}'
    assert bytes(Question("i1", {frozenset([1]): 1}).shown) == b'{"frozenset({1})":1}'


@given(asked=st.dictionaries(ids, values), told=st.dictionaries(ids, values))
def test_a_graph_is_given_exactly_the_answers_to_what_it_still_asks(
    asked: dict[str, object], told: dict[str, object]
) -> None:
    questions = [Question(*item) for item in asked.items()]
    answers = {interrupt: msgspec.json.encode(value).decode() for interrupt, value in told.items()}

    given_ = answers_for(questions, answers)

    assert given_ == {interrupt: told[interrupt] for interrupt in asked if interrupt in told}
