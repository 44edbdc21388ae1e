"""Who asks something of an HTTP API."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from parley_core.domain.client_frames import Name
from parley_core.domain.codes import ErrorCode
from parley_core.domain.errors import Refused
from parley_core.domain.ids import DeviceId, SessionId, UserId, session_partition


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


def device_named(name: str) -> DeviceId:
    """Raises `Refused`."""
    try:
        return DeviceId(msgspec.convert(name, Name))
    except msgspec.ValidationError:
        raise Refused(
            ErrorCode.INVALID_MESSAGE,
            "Name your device in X-Parley-Device: 1 to 128 characters, no control characters.",
        ) from None


def session_named(name: str) -> SessionId:
    """A session's id, which need not be there. Raises `Refused`."""
    if session_partition(name) is None:
        raise Refused(ErrorCode.SESSION_NOT_FOUND, "There is no such session.")
    return SessionId(name)
