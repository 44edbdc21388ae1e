"""An agent without a model: deterministic answers that show by eye what it remembers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum

from parley_conversation.domain.languages import Language, language_of
from parley_conversation.domain.phrases import PHRASES, Phrases
from parley_conversation.domain.said import Role, Said

QUOTED = 60
"""Code points of a message that are quoted at most."""
RECALLED = 8
"""Messages that are quoted at most, the newest ones."""

_PIECE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]{1,2}\s*|[^\s\u3040-\u30ff\u3400-\u9fff]+\s*|\s+")


class Intent(StrEnum):
    """What an input wants."""

    GREETING = "greeting"
    RECALL = "recall"
    TOPIC = "topic"
    COUNT = "count"
    STATEMENT = "statement"


def intent_of(text: str, language: Language) -> Intent:
    """What `text` wants, by words that it contains."""
    lower, phrases = text.lower().replace("’", "'"), PHRASES[language]
    asked = (
        (Intent.RECALL, phrases.asks_recall),
        (Intent.TOPIC, phrases.asks_topic),
        (Intent.COUNT, phrases.asks_count),
        (Intent.GREETING, phrases.hello),
    )
    return next(
        (intent for intent, words in asked if any(_has(lower, word) for word in words)),
        Intent.STATEMENT,
    )


def reply(messages: Sequence[Said], *, topic: str, fallback: Language) -> str:
    """The answer to the newest message of the user, in the language it was written to.

    A message that does not say its language ("42") is answered in `fallback`.
    """
    texts = [said.text for said in messages if said.role is Role.USER] or [""]
    *earlier, newest = texts
    language = language_of(newest) or fallback
    phrases = PHRASES[language]
    count = len(texts)
    match intent_of(newest, language):
        case Intent.GREETING:
            return f"{phrases.greeting} {phrases.counted.format(count=count)}"
        case Intent.RECALL:
            return _recall(phrases, earlier)
        case Intent.TOPIC:
            return phrases.about.format(topic=topic) if topic else phrases.no_topic
        case Intent.COUNT:
            return phrases.counted.format(count=count)
        case Intent.STATEMENT:
            heard = phrases.heard.format(said=_quoted(phrases, newest), count=count)
            return heard + _before(phrases, earlier)


def pieces(text: str) -> list[str]:
    """`text` as a model streams it: word by word, two characters in scripts without spaces."""
    return _PIECE.findall(text)


def _recall(phrases: Phrases, earlier: Sequence[str]) -> str:
    if not earlier:
        return phrases.nothing_yet
    said = (_quoted(phrases, text) for text in earlier[-RECALLED:])
    return phrases.recall.format(said=phrases.separator.join(said))


def _before(phrases: Phrases, earlier: Sequence[str]) -> str:
    return phrases.before.format(said=_quoted(phrases, earlier[-1])) if earlier else ""


def _quoted(phrases: Phrases, text: str) -> str:
    line = " ".join(text.split())
    short = line if len(line) <= QUOTED else line[: QUOTED - 1] + "…"
    return phrases.quoted.format(text=short)


def _has(text: str, word: str) -> bool:
    """Whole words in scripts that have spaces, anywhere in those that do not."""
    if not word.isascii() and not any(letter.isascii() for letter in word):
        return word in text
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) is not None
