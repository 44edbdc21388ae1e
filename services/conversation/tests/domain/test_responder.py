from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley_conversation.domain.languages import Language, known_language, language_of
from parley_conversation.domain.prompt import instructions, language_in, topic_in
from parley_conversation.domain.responder import pieces, reply
from parley_conversation.domain.said import Role, Said


def conversation(*texts: str) -> list[Said]:
    return [Said(Role.USER, str(index), text) for index, text in enumerate(texts)]


def answer(*texts: str, topic: str = "", fallback: Language = Language.CHINESE) -> str:
    return reply(conversation(*texts), topic=topic, fallback=fallback)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Hello, how are you?", Language.ENGLISH),
        ("Ich möchte wissen, was das ist", Language.GERMAN),
        ("¿Dónde está la biblioteca?", Language.SPANISH),
        ("Bonjour, je m'appelle Ada", Language.FRENCH),
        ("你好，今天怎么样？", Language.CHINESE),
        ("私はアダです", Language.JAPANESE),
        ("42", None),
    ],
)
def test_a_text_tells_its_language(text: str, language: Language | None) -> None:
    assert language_of(text) is language


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("What did I say?", "So far you have said: “my cat is Tom”."),
        ("Was habe ich gesagt?", "Bisher hast du gesagt: „my cat is Tom“."),
        ("¿Qué dije?", "Hasta ahora has dicho: «my cat is Tom»."),
        ("Qu’ai-je dit ?", "Jusqu’ici tu as dit : « my cat is Tom »."),
        ("我之前说了什么？", "到目前为止你说过：“my cat is Tom”。"),
        ("私は何を言いましたか", "これまでの話：「my cat is Tom」。"),
    ],
)
def test_it_says_what_was_said_before_in_the_language_it_is_asked_in(
    question: str, expected: str
) -> None:
    assert answer("my cat is Tom", question) == expected


def test_it_knows_the_topic_and_how_many_messages_there_were() -> None:
    assert answer("a", "b", "what is the topic?", topic="cats") == "We are talking about cats."
    assert answer("a", "b", "how many messages?") == "This is your message number 3."
    assert answer("what is the topic?") == "No topic has been set."


def test_a_statement_is_repeated_with_the_one_before_it() -> None:
    assert answer("I like tea", "and the rain") == (
        "You wrote: “and the rain”. This is your message number 2."
        " Before that you wrote: “I like tea”."
    )


def test_a_message_without_a_language_is_answered_in_the_conversations() -> None:
    assert answer("42", fallback=Language.GERMAN).startswith("Du hast geschrieben")


@given(st.lists(st.text(max_size=200), max_size=5), st.text(max_size=20))
def test_any_conversation_has_an_answer_and_always_the_same(texts: list[str], topic: str) -> None:
    first = answer(*texts, topic=topic)

    assert first
    assert answer(*texts, topic=topic) == first


@given(st.text())
def test_pieces_joined_are_the_text(text: str) -> None:
    assert "".join(pieces(text)) == text


@given(st.text(min_size=1).filter(str.strip), st.sampled_from(Language))
def test_the_responder_reads_from_the_instructions_what_a_model_would(
    topic: str, language: Language
) -> None:
    prompt = instructions(topic=topic, language=language, tone="friendly")

    assert topic_in(prompt).split() == topic.split()
    assert known_language(language_in(prompt)) is language


def test_an_unknown_language_is_the_default() -> None:
    assert known_language("xx") is Language.CHINESE
