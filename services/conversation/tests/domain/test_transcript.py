from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from parley_conversation.domain.answer import cut
from parley_conversation.domain.transcript import Piece, Transcript
from parley_core.domain import limits

pieces = st.lists(st.text(max_size=6), max_size=6)
messages = st.lists(pieces, max_size=4)
answers = st.text(max_size=12)


def joined(texts: list[list[str]], base: str = "") -> str:
    said = ["".join(pieces) for pieces in texts]
    return "\n\n".join([text for text in [base, *said] if text])


@given(base=answers, said=messages, taken=st.lists(st.booleans(), min_size=24, max_size=24))
def test_what_models_write_one_after_another_is_streamed_whole_and_in_order(
    base: str, said: list[list[str]], taken: list[bool]
) -> None:
    transcript, got, choice = Transcript(base), base, iter(taken)

    for number, parts in enumerate(said):
        for part in parts:
            transcript.say(f"m{number}", part)
            if next(choice):
                piece = transcript.take()
                assert piece.offset == len(got)
                got += piece.text

    assert got + transcript.take().text == joined(said, base)


@given(base=answers, said=messages, truth=answers)
def test_after_a_step_what_went_out_is_continued_only_if_the_answer_begins_with_it(
    base: str, said: list[list[str]], truth: str
) -> None:
    transcript = Transcript(base)
    for number, parts in enumerate(said):
        for part in parts:
            transcript.say(f"m{number}", part)
    sent = base + transcript.take().text

    transcript.settle(truth)
    transcript.say("later", "more")
    piece = transcript.take()

    if truth.startswith(sent):
        assert sent + piece.text == joined([["more"]], truth)
    else:
        assert piece == Piece(len(sent), "")


def test_what_a_node_replaced_before_it_went_out_is_streamed_as_it_is_now() -> None:
    transcript = Transcript("")
    transcript.say("m", "a draft")

    transcript.settle("the answer")

    assert transcript.take() == Piece(0, "the answer")


def test_two_models_at_once_are_held_back_until_the_step_says_their_order() -> None:
    transcript = Transcript("")
    transcript.say("left", "1")
    transcript.say("right", "2")
    transcript.say("left", "3")
    sent = transcript.take()
    assert sent.text == "1\n\n2"

    transcript.settle("13\n\n2")
    assert not transcript.has_more
    transcript.settle("1\n\n2\n\nend")

    assert transcript.take() == Piece(len(sent.text), "\n\nend")


@given(st.lists(st.text(alphabet="aé漢😀", min_size=1, max_size=4), min_size=1, max_size=5))
def test_no_more_than_one_answer_is_streamed_and_its_end_is_the_committed_one(
    units: list[str],
) -> None:
    transcript, whole = Transcript(""), ""
    for unit in units:
        text = unit * 20_000
        transcript.say("m", text)
        whole += text

    streamed = transcript.take().text

    assert len(streamed.encode()) <= limits.ANSWER
    assert streamed == cut(whole).text


def test_offsets_count_code_points() -> None:
    transcript = Transcript("é漢😀")
    transcript.settle("é漢😀!")

    assert transcript.take() == Piece(3, "!")
