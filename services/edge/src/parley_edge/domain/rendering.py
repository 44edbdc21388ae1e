"""What a client sees: frames of the kinds that it asked for, in words that it knows."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import msgspec

from parley_core.domain.client_frames import Capability
from parley_core.domain.server_frames import InputRequest, Text, encode
from parley_edge.domain.framing import Form, Place

PLAIN_TYPES = frozenset({"system", "text", "error", "heartbeat", "history"})
"""All that a client without capabilities ever gets."""

_NEEDS = {
    "ack": Capability.ACK,
    "delta": Capability.DELTAS,
    "turn": Capability.TURNS,
    "event": Capability.EVENTS,
    "typing": Capability.TYPING,
    "presence": Capability.PRESENCE,
}
_question_decoder = msgspec.json.Decoder(InputRequest)


class Audience:
    """Connections that are shown the same frames in the same form. Made by `audience`."""

    __slots__ = ("capabilities", "form", "gets_acks", "gets_deltas", "gets_turns", "is_plain")

    def __init__(self, form: Form, capabilities: frozenset[Capability]) -> None:
        self.form = form
        self.capabilities = capabilities
        self.is_plain = not capabilities
        self.gets_acks = Capability.ACK in capabilities
        self.gets_deltas = Capability.DELTAS in capabilities
        self.gets_turns = Capability.TURNS in capabilities

    def render(self, type_: str, body: bytes, *, place: Place | None = None) -> bytes | None:
        """A frame as it goes out, None if they are not shown it; `place` is that of a log frame."""
        if not is_shown(type_, self.capabilities):
            return None
        return self.form.write(
            as_plain(type_, body) if self.is_plain else body,
            place=place,
        )


@lru_cache(maxsize=256)  # All that there are.
def audience(form: Form, capabilities: frozenset[Capability]) -> Audience:
    """The one audience of clients like this."""
    return Audience(form, capabilities)


def capabilities_of(names: Iterable[str]) -> frozenset[Capability]:
    """The ones that this server knows; a newer client may name others."""
    known = frozenset(Capability)
    return frozenset(Capability(name) for name in names if name in known)


def is_shown(type_: str, capabilities: frozenset[Capability]) -> bool:
    """Whether a client gets frames of this type. A plain client gets questions as texts."""
    if type_ in _NEEDS:
        return _NEEDS[type_] in capabilities
    return bool(capabilities) or type_ in PLAIN_TYPES or type_ == "input_request"


def as_plain(type_: str, body: bytes) -> bytes:
    """A log frame for a plain client: a question of the agent is a text of the assistant."""
    return _question_as_text(body) if type_ == "input_request" else body


def _question_as_text(body: bytes) -> bytes:
    question = _question_decoder.decode(body)
    return encode(
        Text(
            message_id=question.message_id,
            session_id="" if question.session_id is msgspec.UNSET else question.session_id,
            seq=question.seq,
            role="assistant",
            content="\n".join(_words(asked.value) for asked in question.interrupts),
            turn_id=question.turn_id,
            timestamp=question.timestamp,
        )
    )


def _words(value: Any) -> str:
    """A question as people read it: its own words, or the JSON of what the graph asked with."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        for key in ("question", "message", "text"):
            if isinstance(value.get(key), str):
                return str(value[key])
    return msgspec.json.encode(value).decode()
