"""The instructions that go before a conversation, and how to read them again.

The offline responder knows the topic only from here, like any model.
"""

from __future__ import annotations

import re

_TOPIC = re.compile(r"^Topic: (.+)$", re.MULTILINE)
_LANGUAGE = re.compile(r"^Language if the message leaves it open: (.+)$", re.MULTILINE)


def instructions(*, topic: str, language: str, tone: str) -> str:
    """What the model is told first. An empty topic is left out."""
    lines = [
        "You are a helpful assistant in a conversation that goes on across devices.",
        "Answer in the language that the newest message is written in.",
        f"Language if the message leaves it open: {language}",
        f"Tone: {tone}",
    ]
    if topic:
        lines.append(f"Topic: {' '.join(topic.split())}")
    return "\n".join(lines)


def topic_in(text: str) -> str:
    """The topic that `instructions` wrote into `text`; empty if there is none."""
    match = _TOPIC.search(text)
    return match[1] if match else ""


def language_in(text: str) -> str:
    """The language that `instructions` wrote into `text`; empty if there is none."""
    match = _LANGUAGE.search(text)
    return match[1] if match else ""
