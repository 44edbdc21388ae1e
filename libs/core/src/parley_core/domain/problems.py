"""What an HTTP API says when there is no answer."""

from __future__ import annotations

from http import HTTPStatus

from msgspec import Struct

from parley_core.domain.codes import ErrorCode


class Problem(Struct, frozen=True, kw_only=True):
    """Why there is no answer: one of the protocol's error codes, and a sentence for people."""

    code: str
    message: str


_STATUS = {
    ErrorCode.UNAUTHENTICATED: HTTPStatus.UNAUTHORIZED,
    ErrorCode.FORBIDDEN: HTTPStatus.FORBIDDEN,
    ErrorCode.SESSION_NOT_FOUND: HTTPStatus.NOT_FOUND,
    ErrorCode.SESSION_LIMIT: HTTPStatus.CONFLICT,
    ErrorCode.RATE_LIMITED: HTTPStatus.TOO_MANY_REQUESTS,
    ErrorCode.MESSAGE_TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    ErrorCode.BUSY: HTTPStatus.CONFLICT,
    ErrorCode.RETRY_TOO_OLD: HTTPStatus.CONFLICT,
    ErrorCode.TURN_ENDED: HTTPStatus.CONFLICT,
    ErrorCode.NO_SUCH_INTERRUPT: HTTPStatus.CONFLICT,
    ErrorCode.UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
    ErrorCode.INTERNAL: HTTPStatus.INTERNAL_SERVER_ERROR,
}


def status_of(code: ErrorCode) -> HTTPStatus:
    """The HTTP status that goes with a refusal."""
    return _STATUS.get(code, HTTPStatus.BAD_REQUEST)
