"""What the answer of a turn is, and what its log frame is called."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum
from hashlib import blake2b
from typing import NamedTuple

from parley_conversation.domain.closing import BLANK_LINE, SILENCE, closing_id
from parley_conversation.domain.said import Role, Said
from parley_core.domain import limits
from parley_core.domain.events import Lease
from parley_core.domain.ids import MessageId, TurnId

_SURROGATE = re.compile("[\ud800-\udfff]")


class Finish(StrEnum):
    """Why an answer ended."""

    STOP = "stop"
    LENGTH = "length"
    CANCELLED = "cancelled"


class Answer(NamedTuple):
    """The text of a turn's answer, as it goes into the log."""

    text: str
    finish: Finish


def answer_id(lease: Lease, turn: TurnId) -> MessageId:
    """What the end of a turn is called in the log. 34 characters.

    Another lease gives another id: if Redis loses the end of a log and the turn runs again, its
    new end must not be taken for the lost one, or a position on that would seem proved.
    """
    # The turn's id is a client's choice: without a separator that it cannot hold, two different
    # ends could read alike.
    source = f"{lease.session}\n{lease.token}\n{turn}".encode()
    return MessageId("a-" + blake2b(source, digest_size=16).hexdigest())


def answer_to(turn: TurnId, messages: Sequence[Said]) -> Answer:
    """The text of the assistant's messages after the input, in the state's order.

    A graph may have dropped the input from its state (one that keeps a summary and the last few
    messages); then the newest message alone is known to be of this turn.
    """
    places = [index for index, said in enumerate(messages) if said.id == turn]
    after = messages[places[-1] + 1 :] if places else messages[-1:]
    texts = (
        well_formed(said.text)
        for said in after
        if said.role is Role.ASSISTANT and (said.id, said.text) != (closing_id(turn), SILENCE)
    )
    return cut(BLANK_LINE.join(text for text in texts if text))


def cut(text: str) -> Answer:
    """At most 256 KB of UTF-8, cut between code points."""
    data = text.encode()
    if len(data) <= limits.ANSWER:
        return Answer(text, Finish.STOP)
    return Answer(data[: limits.ANSWER].decode(errors="ignore"), Finish.LENGTH)


def well_formed(text: str) -> str:
    """`text` as UTF-8 can hold it: each lone surrogate is U+FFFD, code point by code point."""
    return _SURROGATE.sub("\ufffd", text)
