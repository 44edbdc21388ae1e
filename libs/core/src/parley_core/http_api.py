"""What the HTTP APIs of the services share: who asks, and how answers and problems look."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from math import ceil
from typing import TypeVar

import msgspec
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ExceptionHandler

from parley_core.authentication import bearer_token, is_service_token
from parley_core.domain import limits
from parley_core.domain.asking import BACK_END, Asker, user_named
from parley_core.domain.codes import ErrorCode
from parley_core.domain.errors import Refused, Unavailable
from parley_core.domain.problems import Problem, status_of
from parley_core.ports import Authenticator

BODY_TIMEOUT = 10.0
"""Seconds that a request's body may take to come."""
_TRY_AGAIN = {"Retry-After": "1"}

T = TypeVar("T")


class Askers:
    """Tells who sent a request.

    `service_token` makes a back end; empty, nobody is one. Everybody else is the user that
    `X-Parley-User` names and the authenticator confirms.
    """

    def __init__(self, authenticator: Authenticator, *, service_token: str) -> None:
        self._authenticator = authenticator
        self._service_token = service_token

    async def of(self, headers: Headers) -> Asker:
        """Raises `Refused` (UNAUTHENTICATED, or INVALID_MESSAGE for an id that is none)."""
        token = bearer_token(headers.get("authorization"))
        if is_service_token(token, expected=self._service_token):
            return BACK_END
        named = header_of(headers, "x-parley-user")
        if named is None:
            raise Refused(
                ErrorCode.UNAUTHENTICATED,
                "Send the service token as a Bearer token, or name yourself in X-Parley-User.",
            )
        return Asker(await self._authenticator.verify(user_named(named), token))


def header_of(headers: Headers, name: str) -> str | None:
    """Header values arrive as Latin-1; ours are UTF-8. Raises `Refused`."""
    value = headers.get(name)
    try:
        return None if value is None else value.encode("latin-1").decode()
    except UnicodeDecodeError:
        raise Refused(ErrorCode.INVALID_MESSAGE, f"The header {name} is not UTF-8.") from None


async def body_of(request: Request, kind: type[T]) -> T:
    """What the JSON of a request's body says. Raises `Refused` or `HTTPException`."""
    data = await body_bytes(request)
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.ValidationError as error:
        raise Refused(ErrorCode.INVALID_MESSAGE, f"{error}.") from None
    except (ValueError, RecursionError):
        raise Refused(ErrorCode.INVALID_MESSAGE, "The body is not JSON.") from None


async def body_bytes(request: Request) -> bytes:
    """A body of at most `limits.FRAME` bytes that came in time. Raises as `body_of`."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            async for piece in request.stream():
                body += piece
                if len(body) > limits.FRAME:
                    sentence = f"A body has at most {limits.FRAME} bytes."
                    raise Refused(ErrorCode.MESSAGE_TOO_LARGE, sentence)
    except TimeoutError:
        raise HTTPException(HTTPStatus.REQUEST_TIMEOUT, "The body did not come in time.") from None
    except ClientDisconnect:
        raise HTTPException(HTTPStatus.BAD_REQUEST, "The body ended early.") from None
    return bytes(body)


def json_reply(
    value: object, *, status: int = HTTPStatus.OK, headers: Mapping[str, str] | None = None
) -> Response:
    """A value as msgspec writes it."""
    return Response(
        msgspec.json.encode(value),
        status_code=status,
        headers=headers,
        media_type="application/json",
    )


def problem_reply(request: Request, error: Exception) -> Response:
    """What is said of an error that an endpoint raised; a handler for `PROBLEMS`."""
    del request
    match error:
        case Refused(code=code, message=message):
            problem = Problem(code=code, message=message)
            return json_reply(problem, status=status_of(code), headers=_advice(error))
        case HTTPException(status_code=known, detail=detail):
            sentence = detail if detail.endswith(".") else f"{detail}."
            problem = Problem(code=ErrorCode.INVALID_MESSAGE, message=sentence)
            return json_reply(problem, status=known, headers=error.headers)
        case _:
            problem = Problem(code=ErrorCode.UNAVAILABLE, message="Storage is away; try again.")
            return json_reply(problem, status=HTTPStatus.SERVICE_UNAVAILABLE, headers=_TRY_AGAIN)


PROBLEMS: dict[type[Exception], ExceptionHandler] = dict.fromkeys(
    (Refused, Unavailable, HTTPException), problem_reply
)
"""The errors that an application says in a sentence, for Starlette's `exception_handlers`."""


def _advice(refused: Refused) -> dict[str, str]:
    """The headers that tell how a refused request could succeed."""
    if refused.code is ErrorCode.UNAUTHENTICATED:
        return {"WWW-Authenticate": "Bearer"}
    if refused.code is ErrorCode.MESSAGE_TOO_LARGE:
        return {"Connection": "close"}  # What is left of the body is not read.
    if refused.retry_after_ms is not None:
        return {"Retry-After": str(ceil(refused.retry_after_ms / 1000))}
    return {}
