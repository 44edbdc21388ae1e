"""A graph's state as JSON, whatever its nodes have put into it.

Nothing of an unknown object is called: what it is, is told, not what it says of itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import fields, is_dataclass
from datetime import date, time
from decimal import Decimal
from enum import Enum
from math import isfinite
from typing import Any
from uuid import UUID

import msgspec
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from pydantic import BaseModel

from parley_conversation.domain.answer import well_formed
from parley_core.domain.codes import ErrorCode
from parley_core.domain.errors import Refused

MOST = 1_048_576
"""Bytes of one state as JSON: what a frame may have, too."""
DEEPEST = 32
"""Levels that are shown; what lies below is told to be there."""
_EXACT = 2**53
"""Integers up to here are the same in every reader of JSON."""
_ROLES = {"human": "user", "ai": "assistant"}


def rendered(value: object, *, most: int = MOST) -> msgspec.Raw:
    """At most `most` bytes of JSON. Raises `Refused` (MESSAGE_TOO_LARGE)."""
    encoded = msgspec.json.encode(_Rendering(most).of(value))
    if len(encoded) > most:
        raise _too_large(most)
    return msgspec.Raw(encoded)


class _Rendering:
    """One value on its way. `left`: bytes that may still come, counted low rather than high."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._left = most
        self._depth = 0

    def of(self, value: object) -> Any:
        self._spend(1)
        for kind, render in _RENDERED:
            if isinstance(value, kind):
                return render(self, value)
        if is_dataclass(value) and not isinstance(value, type):
            names = [field.name for field in fields(value)]
            return self.mapping({name: getattr(value, name, None) for name in names})
        return _named(value)

    def text(self, value: str) -> str:
        # A subclass may be anything: only its characters are wanted.
        text = well_formed(str.__str__(value))
        self._spend(len(text))
        return text

    def mapping(self, value: Mapping[Any, Any]) -> Any:
        return self._below(
            value, lambda: {self._key(name): self.of(each) for name, each in value.items()}
        )

    def sequence(self, value: Iterable[Any]) -> Any:
        return self._below(value, lambda: [self.of(each) for each in value])

    def message(self, value: BaseMessage) -> Any:
        shown: dict[str, Any] = {
            "role": _ROLES.get(value.type, value.type),
            "id": value.id,
            "name": value.name,
            "content": value.content,
        }
        if isinstance(value, AIMessage):
            shown["tool_calls"] = [
                {name: call.get(name) for name in ("id", "name", "args")}
                for call in value.tool_calls
            ]
        if isinstance(value, ToolMessage):
            shown |= {"tool_call_id": value.tool_call_id, "status": value.status}
        return self.mapping({name: each for name, each in shown.items() if each not in (None, [])})

    def model(self, value: BaseModel) -> Any:
        names = type(value).model_fields
        return self.mapping({name: value.__dict__.get(name) for name in names})

    def _key(self, name: object) -> str:
        return self.text(name if isinstance(name, str) else str(self.of(name)))

    def _below(self, value: object, render: Callable[[], Any]) -> Any:
        if self._depth == DEEPEST:
            return _named(value)
        self._depth += 1
        shown = render()
        self._depth -= 1
        return shown

    def _spend(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise _too_large(self._most)


def _as_it_is(_rendering: _Rendering, value: Any) -> Any:
    return value


def _integer(_rendering: _Rendering, value: int) -> Any:
    return int(value) if abs(value) <= _EXACT else _named(value)


def _number(_rendering: _Rendering, value: float) -> Any:
    return float(value) if isfinite(value) else str(float(value))


def _moment(_rendering: _Rendering, value: date | time) -> str:
    return value.isoformat()


def _word(rendering: _Rendering, value: object) -> str:
    return rendering.text(str(value))


def _choice(rendering: _Rendering, value: Enum) -> Any:
    return rendering.of(value.value)


def _bytes(_rendering: _Rendering, value: bytes | bytearray) -> Any:
    return {**_named(value), "bytes": len(value)}


# The first that fits counts: a bool is an int, an enum may be a str, a text is a sequence.
_RENDERED: Sequence[tuple[type | tuple[type, ...], Callable[[_Rendering, Any], Any]]] = (
    ((type(None), bool), _as_it_is),
    (Enum, _choice),
    (str, _Rendering.text),
    (int, _integer),
    (float, _number),
    ((bytes, bytearray), _bytes),
    (BaseMessage, _Rendering.message),
    (BaseModel, _Rendering.model),
    (Mapping, _Rendering.mapping),
    ((list, tuple, AbstractSet), _Rendering.sequence),
    ((date, time), _moment),
    ((UUID, Decimal), _word),
)


def _named(value: object) -> dict[str, Any]:
    kind = type(value)
    return {"type": f"{kind.__module__}.{kind.__qualname__}"}


def _too_large(most: int) -> Refused:
    return Refused(ErrorCode.MESSAGE_TOO_LARGE, f"As JSON the state has more than {most} bytes.")
