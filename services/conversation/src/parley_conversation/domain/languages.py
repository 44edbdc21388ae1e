"""Which language a text is written in, by its script and its most common words."""

from __future__ import annotations

import re
from enum import StrEnum


class Language(StrEnum):
    """Languages that the offline responder speaks."""

    CHINESE = "zh-CN"
    ENGLISH = "en"
    GERMAN = "de"
    SPANISH = "es"
    FRENCH = "fr"
    JAPANESE = "ja"


DEFAULT = Language.CHINESE

_KANA = re.compile(r"[\u3040-\u30ff]")
_HAN = re.compile(r"[\u3400-\u9fff]")
_WORD = re.compile(r"[^\W\d_]+")

_COMMON: dict[Language, frozenset[str]] = {
    language: frozenset(words.split())
    for language, words in {
        Language.ENGLISH: """the a an is are was i you my me we it do did what how why who and or of
            to in for with about this that have has hello hi hey thanks please can say said name""",
        Language.GERMAN: """der die das ein eine ist sind war ich du mein mir mich wir es was wie
            warum wer und oder von zu für mit über hallo danke bitte kann habe hast gesagt heiße""",
        Language.SPANISH: """el la los las una es son era yo tú mi me nosotros qué que cómo como
            por quién y o de en para con sobre hola gracias puedo he dicho llamo está dije""",
        Language.FRENCH: """le la les une est sont était je tu mon ma me nous que quoi comment
            pourquoi qui et ou de en pour avec sur bonjour salut merci puis ai dit appelle ce""",
    }.items()
}
_LETTERS: dict[Language, frozenset[str]] = {
    Language.GERMAN: frozenset("äöüß"),
    Language.SPANISH: frozenset("ñ¿¡áíóú"),
    Language.FRENCH: frozenset("çèêëîïôœàùû"),
}


def language_of(text: str) -> Language | None:
    """The language of `text`; None if nothing in it says so ("42", "ok")."""
    if _KANA.search(text):
        return Language.JAPANESE
    if _HAN.search(text):
        return Language.CHINESE
    lower = text.lower()
    words = _WORD.findall(lower)
    scores = {
        language: sum(word in common for word in words)
        + sum(letter in _LETTERS.get(language, ()) for letter in lower)
        for language, common in _COMMON.items()
    }
    best = max(scores, key=lambda language: scores[language])
    return best if scores[best] else None


def known_language(name: str) -> Language:
    """The language called `name`, the default if it is not one of ours."""
    return Language(name) if name in list(Language) else DEFAULT
