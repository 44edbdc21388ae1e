"""Values of a graph as JSON, which is all that clients can be shown."""

from __future__ import annotations

import msgspec


def as_json(value: object) -> bytes:
    """`value` as JSON; what JSON does not have is shown as text."""
    try:
        return msgspec.json.encode(value, enc_hook=str)
    except (TypeError, ValueError, RecursionError):  # a key or a nesting that JSON does not have
        return msgspec.json.encode(str(value))
