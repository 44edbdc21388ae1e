from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from parley.cli.typewriter import Typewriter


@given(st.lists(st.text(min_size=1)))
def test_pieces_and_commit_print_the_answer_once(pieces: list[str]) -> None:
    typewriter, answer, printed = Typewriter(), "", ""
    for piece in pieces:
        printed += typewriter.piece("t", len(answer), piece)
        answer += piece

    printed += typewriter.commit("t", answer)

    assert printed == answer + "\n"


def test_the_rest_of_an_answer_comes_with_its_commit() -> None:
    typewriter = Typewriter()

    printed = typewriter.piece("t", 0, "Hel") + typewriter.commit("t", "Hello")

    assert printed == "Hello\n"


def test_an_attempt_that_says_the_same_goes_on_where_the_last_one_stopped() -> None:
    typewriter = Typewriter()

    printed = [
        typewriter.piece("t", 0, "Hello wor"),
        typewriter.piece("t", 0, "Hello"),
        typewriter.piece("t", 5, " world"),
    ]

    assert printed == ["Hello wor", "", "ld"]


def test_an_attempt_that_says_something_else_begins_on_a_new_line() -> None:
    typewriter = Typewriter()
    typewriter.piece("t", 0, "Hello")

    assert typewriter.piece("t", 0, "Good") == "\nGood"
    assert typewriter.commit("t", "Good day") == " day\n"


def test_a_new_attempt_in_the_middle_of_what_is_shown_does_not_mix_both() -> None:
    typewriter = Typewriter()
    typewriter.piece("t", 0, "Hello wor")

    assert typewriter.piece("t", 0, "Hello world") == "ld"
    assert typewriter.piece("t", 0, "Hel") == ""
    assert typewriter.piece("t", 3, "icopter") == "\nHelicopter"


def test_the_answer_of_another_turn_is_no_continuation() -> None:
    typewriter = Typewriter()
    typewriter.piece("t", 0, "Hello")

    assert typewriter.commit("u", "Hello you") == "Hello you\n"


def test_an_answer_that_was_not_streamed_is_printed_whole() -> None:
    typewriter = Typewriter()
    typewriter.piece("t", 0, "Hello")
    typewriter.commit("t", "Hello")

    assert typewriter.commit("u", "Again") == "Again\n"
    assert not typewriter.is_writing


def test_a_shorter_answer_than_was_written_is_printed_anew() -> None:
    typewriter = Typewriter()
    typewriter.piece("t", 0, "Hello world")

    assert typewriter.is_writing
    assert typewriter.commit("t", "Hello") == "\nHello\n"
