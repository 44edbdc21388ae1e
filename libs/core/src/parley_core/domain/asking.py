"""Who asks something of an HTTP API."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from parley_core.domain.client_frames import Name
from parley_core.domain.codes import ErrorCode
from parley_core.domain.errors import Refused
from parley_core.domain.ids import UserId


@dataclass(frozen=True, slots=True)
class Asker:
    """`user` is None for a back end with the service token."""

    user: UserId | None


BACK_END = Asker(None)


def check_is_back_end(asker: Asker) -> None:
    """Raises `Refused`."""
    if asker != BACK_END:
        raise Refused(ErrorCode.FORBIDDEN, "This needs the service token.")


def user_named(name: str) -> UserId:
    """Raises `Refused`."""
    try:
        return UserId(msgspec.convert(name, Name))
    except msgspec.ValidationError:
        raise Refused(
            ErrorCode.INVALID_MESSAGE,
            "A user id has 1 to 128 characters and no control characters.",
        ) from None
