"""Two kinds of failure: what may pass (with a delay) and what will not."""

from __future__ import annotations

from parley_core.domain.codes import ErrorCode


class TemporaryError(Exception):
    """Something failed that may work later.

    `delay` is the least time to wait before a repeat, in seconds.
    """

    def __init__(self, message: str, *, delay: float = 0.0) -> None:
        super().__init__(message)
        self.delay = delay


class PermanentError(Exception):
    """Something failed that a repeat will not mend."""


class Unavailable(TemporaryError):
    """Redis did not answer: the call may or may not have taken effect. Repeat it as it was."""


class StaleToken(PermanentError):
    """A write came with a token that is not the session's current one. It changed nothing."""


class Barred(PermanentError):
    """This process was evicted and may not claim sessions for now."""


class Refused(PermanentError):
    """The store's rules say no: `code` for the client, `message` one sentence for people."""

    def __init__(self, code: ErrorCode, message: str, *, retry_after_ms: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retry_after_ms = retry_after_ms
