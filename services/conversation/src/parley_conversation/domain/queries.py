"""How a request for a conversation's past is read."""

from __future__ import annotations

from hashlib import blake2b

import msgspec

from parley_core.domain.client_frames import Identifier
from parley_core.domain.codes import ErrorCode
from parley_core.domain.errors import Refused
from parley_core.domain.ids import Seq, SessionId

GREATEST_SEQ = 2**53
"""As in the protocol: JavaScript counts no further."""
_SHOWN = 32
"""Characters of a wrong value that are told back."""


def session_named(name: str) -> SessionId:
    """Raises `Refused` (SESSION_NOT_FOUND) for what cannot be a session's id."""
    if not _is_identifier(name):
        raise Refused(ErrorCode.SESSION_NOT_FOUND, "There is no such session.")
    return SessionId(name)


def number_named(
    name: str, given: str | None, *, least: int, most: int = GREATEST_SEQ
) -> int | None:
    """A whole number of a query; None if it is not there. Raises `Refused`."""
    if given is None:
        return None
    is_number = given.isascii() and given.isdecimal() and len(given) <= len(str(most))
    if not is_number or not least <= int(given) <= most:
        raise Refused(
            ErrorCode.INVALID_MESSAGE,
            f"{name}: expected a whole number from {least} to {most}, got {given[:_SHOWN]!a}.",
        )
    return int(given)


def seq_named(name: str, given: str | None) -> Seq | None:
    """A seq of a query; None if it is not there. Raises `Refused`."""
    number = number_named(name, given, least=0)
    return None if number is None else Seq(number)


def fork_request(key: str, *, at: Seq | None) -> str:
    """What a fork is known by: the caller's key for one place. 32 hex digits. Raises `Refused`."""
    if not _is_identifier(key):
        raise Refused(
            ErrorCode.INVALID_MESSAGE,
            "Idempotency-Key: expected 1 to 64 characters without control characters.",
        )
    # A key holds no line feed, so that no two requests can read alike.
    source = f"{key}\n{'' if at is None else at}".encode()
    return blake2b(source, digest_size=16).hexdigest()


def _is_identifier(text: str) -> bool:
    try:
        msgspec.convert(text, Identifier)
    except msgspec.ValidationError:
        return False
    return True
