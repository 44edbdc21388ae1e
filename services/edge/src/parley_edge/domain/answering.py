"""What a client answers to a question of the agent, as a message that people can read."""

from __future__ import annotations

import msgspec

from parley_core.domain import limits
from parley_core.domain.codes import ErrorCode
from parley_core.domain.errors import Refused


def answer_text(value: msgspec.Raw) -> str:
    """A string's own words, anything else as its JSON. Raises `Refused` for what no text may be."""
    try:
        decoded = msgspec.json.decode(value)
    except (ValueError, RecursionError):
        raise Refused(ErrorCode.INVALID_MESSAGE, "The answer's value cannot be read.") from None
    text = decoded if isinstance(decoded, str) else bytes(value).decode()
    if len(text) > limits.CONTENT or "\x00" in text:
        raise Refused(
            ErrorCode.INVALID_MESSAGE,
            f"An answer has at most {limits.CONTENT} characters, and no NUL.",
        )
    return text
