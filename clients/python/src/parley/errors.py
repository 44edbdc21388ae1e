"""What can go wrong between a client and its servers.

`Refused` comes from the core: the server's rules say no, `code` tells which.
"""

from __future__ import annotations

from parley_core.domain.errors import PermanentError, Refused, TemporaryError

__all__ = ["Ended", "Lost", "Refused", "Unacknowledged"]


class Lost(TemporaryError):
    """The socket ended or could not be opened.

    `code` is the close code, None if there was no closing handshake.
    """

    def __init__(self, message: str, *, code: int | None = None, delay: float = 0.0) -> None:
        super().__init__(message, delay=delay)
        self.code = code


class Unacknowledged(TemporaryError):
    """No answer came in time: it may have been accepted. Repeat it under the same message id."""


class Ended(PermanentError):
    """The session is closed on this side, or the server closed it for good (`code`)."""

    def __init__(self, message: str, *, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code
