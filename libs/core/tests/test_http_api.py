from __future__ import annotations

import asyncio
import json

import msgspec
import pytest
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Message

from parley_core import http_api
from parley_core.authentication import BelievingAuthenticator
from parley_core.domain import limits
from parley_core.domain.asking import BACK_END, Asker
from parley_core.domain.codes import ErrorCode
from parley_core.domain.errors import Refused, Unavailable
from parley_core.domain.ids import UserId
from parley_core.http_api import Askers, body_bytes, body_of, problem_reply


class OneToken:
    """A user is who has the right token."""

    async def verify(self, user: UserId, token: str | None) -> UserId:
        if token != f"token of {user}":
            raise Refused(ErrorCode.UNAUTHENTICATED, "This token is not yours.")
        return user


REQUEST = Request({"type": "http"})


async def asked(askers: Askers, **headers: str) -> Asker:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await askers.of(Headers(named))


async def test_the_service_token_makes_a_back_end_and_a_name_a_user() -> None:
    askers = Askers(BelievingAuthenticator(), service_token="s3cret")

    assert await asked(askers, authorization="Bearer s3cret") == BACK_END
    assert await asked(askers, authorization="Bearer no", x_parley_user="ann") == Asker(
        UserId("ann")
    )


async def test_a_name_comes_as_utf_8() -> None:
    askers = Askers(BelievingAuthenticator(), service_token="")

    asker = await asked(askers, x_parley_user="zoë".encode().decode("latin-1"))

    assert asker == Asker(UserId("zoë"))


async def test_the_authenticator_decides_who_a_user_is() -> None:
    askers = Askers(OneToken(), service_token="s3cret")

    with pytest.raises(Refused, match="not yours"):
        await asked(askers, x_parley_user="ann", authorization="Bearer token of bob")


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, ErrorCode.UNAUTHENTICATED),
        ({"authorization": "Bearer "}, ErrorCode.UNAUTHENTICATED),
        ({"x_parley_user": ""}, ErrorCode.INVALID_MESSAGE),
        ({"x_parley_user": "\xff"}, ErrorCode.INVALID_MESSAGE),
    ],
)
async def test_nobody_is_refused(headers: dict[str, str], code: ErrorCode) -> None:
    askers = Askers(BelievingAuthenticator(), service_token="")

    with pytest.raises(Refused) as refusal:
        await asked(askers, **headers)

    assert refusal.value.code is code


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Refused(ErrorCode.INVALID_MESSAGE, "x."), 400, "INVALID_MESSAGE"),
        (Refused(ErrorCode.UNAUTHENTICATED, "x."), 401, "UNAUTHENTICATED"),
        (Refused(ErrorCode.FORBIDDEN, "x."), 403, "FORBIDDEN"),
        (Refused(ErrorCode.SESSION_NOT_FOUND, "x."), 404, "SESSION_NOT_FOUND"),
        (Refused(ErrorCode.SESSION_LIMIT, "x."), 409, "SESSION_LIMIT"),
        (Refused(ErrorCode.RATE_LIMITED, "x."), 429, "RATE_LIMITED"),
        (Refused(ErrorCode.MESSAGE_TOO_LARGE, "x."), 413, "MESSAGE_TOO_LARGE"),
        (Refused(ErrorCode.BUSY, "x."), 409, "BUSY"),
        (Refused(ErrorCode.RETRY_TOO_OLD, "x."), 409, "RETRY_TOO_OLD"),
        (Refused(ErrorCode.NO_SUCH_INTERRUPT, "x."), 409, "NO_SUCH_INTERRUPT"),
        (HTTPException(404), 404, "INVALID_MESSAGE"),
        (HTTPException(405), 405, "INVALID_MESSAGE"),
        (Unavailable("secret detail"), 503, "UNAVAILABLE"),
    ],
)
def test_a_problem_is_a_code_and_a_sentence(error: Exception, status: int, code: str) -> None:
    reply = problem_reply(REQUEST, error)

    body = json.loads(bytes(reply.body))
    assert (reply.status_code, body["code"], set(body)) == (status, code, {"code", "message"})
    assert body["message"].endswith(".")
    assert "secret" not in body["message"]


def test_a_problem_comes_with_what_would_mend_it() -> None:
    unknown = problem_reply(REQUEST, Refused(ErrorCode.UNAUTHENTICATED, "x."))
    away = problem_reply(REQUEST, Unavailable("away"))
    hurried = Refused(ErrorCode.RATE_LIMITED, "x.", retry_after_ms=1_001)

    assert unknown.headers["www-authenticate"] == "Bearer"
    assert away.headers["retry-after"] == "1"
    assert problem_reply(REQUEST, hurried).headers["retry-after"] == "2"


# Bodies:


class Said(msgspec.Struct):
    """What the tests send."""

    word: str


def posted(*pieces: bytes, ends: bool = True) -> Request:
    """A request whose body comes in pieces; one that does not end stays open, or is lost."""
    messages = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    if ends:
        messages.append({"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> Message:
        if messages:
            return messages.pop(0)
        await asyncio.Event().wait()
        raise AssertionError

    return Request({"type": "http", "method": "POST", "headers": []}, receive)


async def test_a_body_is_read_as_what_it_should_be() -> None:
    assert await body_of(posted(b'{"wo', b'rd": "hi", "more": 1}'), Said) == Said("hi")


@pytest.mark.parametrize("body", [b"", b"{}", b'{"word": 1}', b"[" * 100_000, b'{"word": "\xff"}'])
async def test_a_body_that_is_something_else_is_refused(body: bytes) -> None:
    with pytest.raises(Refused) as refusal:
        await body_of(posted(body), Said)

    assert refusal.value.code is ErrorCode.INVALID_MESSAGE


async def test_a_body_is_read_up_to_its_bound_only() -> None:
    request = posted(b"x" * limits.FRAME, b"x", ends=False)

    with pytest.raises(Refused) as refusal:
        await body_bytes(request)

    assert refusal.value.code is ErrorCode.MESSAGE_TOO_LARGE
    assert problem_reply(REQUEST, refusal.value).headers["connection"] == "close"


async def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_api, "BODY_TIMEOUT", 0.05)

    with pytest.raises(HTTPException) as refusal:
        await body_bytes(posted(b"{", ends=False))

    assert refusal.value.status_code == 408
