"""The HTTP API: who is where, and which processes live."""

from __future__ import annotations

from http import HTTPStatus

import msgspec
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from parley_core.authentication import bearer_token, is_service_token
from parley_core.domain.codes import ErrorCode
from parley_core.domain.errors import Refused, Unavailable
from parley_core.ports import Authenticator, Connections, Processes
from parley_presence.domain.asking import (
    BACK_END,
    Asker,
    check_is_back_end,
    check_may_see,
    user_named,
    users_named,
)
from parley_presence.domain.views import PresenceList, Problem, presence_view, process_list
from parley_presence.openapi import openapi_document

_STATUS = {
    ErrorCode.INVALID_MESSAGE: HTTPStatus.BAD_REQUEST,
    ErrorCode.UNAUTHENTICATED: HTTPStatus.UNAUTHORIZED,
    ErrorCode.FORBIDDEN: HTTPStatus.FORBIDDEN,
}
_TRY_AGAIN = {"Retry-After": "1"}


class PresenceApi:
    """`service_token` opens everything to back ends; empty, none of it is open to them."""

    def __init__(
        self,
        *,
        connections: Connections,
        processes: Processes,
        authenticator: Authenticator,
        service_token: str,
    ) -> None:
        self._connections = connections
        self._processes = processes
        self._authenticator = authenticator
        self._service_token = service_token

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/v1/presence/{user:path}", self.of_one),
                Route("/v1/presence", self.of_several),
                Route("/v1/processes", self.of_processes),
                Route("/openapi.json", _openapi),
            ],
            exception_handlers={
                Refused: _problem,
                Unavailable: _problem,
                HTTPException: _problem,
            },
        )

    async def of_one(self, request: Request) -> Response:
        asker = await self._asker(request.headers)
        user = user_named(request.path_params["user"])
        check_may_see(asker, [user])
        (found,) = await self._connections.whereabouts([user])
        return _json(presence_view(found))

    async def of_several(self, request: Request) -> Response:
        asker = await self._asker(request.headers)
        users = users_named(request.url.query)
        check_may_see(asker, users)
        found = await self._connections.whereabouts(users)
        return _json(PresenceList(presence=[presence_view(each) for each in found]))

    async def of_processes(self, request: Request) -> Response:
        check_is_back_end(await self._asker(request.headers))
        return _json(process_list(await self._processes.alive()))

    async def _asker(self, headers: Headers) -> Asker:
        """Raises `Refused` (UNAUTHENTICATED)."""
        token = bearer_token(headers.get("authorization"))
        if is_service_token(token, expected=self._service_token):
            return BACK_END
        named = headers.get("x-parley-user")
        if named is None:
            raise Refused(
                ErrorCode.UNAUTHENTICATED,
                "Send the service token as a Bearer token, or name yourself in X-Parley-User.",
            )
        return Asker(await self._authenticator.verify(user_named(_utf8(named)), token))


async def _openapi(request: Request) -> Response:
    del request  # the same for everybody
    return _json(openapi_document())


def _utf8(header: str) -> str:
    """Header values arrive as Latin-1; ours are UTF-8. Raises `Refused`."""
    try:
        return header.encode("latin-1").decode()
    except UnicodeDecodeError:
        raise Refused(ErrorCode.INVALID_MESSAGE, "X-Parley-User is not UTF-8.") from None


def _json(
    value: object, *, status: int = HTTPStatus.OK, headers: dict[str, str] | None = None
) -> Response:
    return Response(
        msgspec.json.encode(value),
        status_code=status,
        headers=headers,
        media_type="application/json",
    )


def _problem(request: Request, error: Exception) -> Response:
    del request
    match error:
        case Refused(code=code, message=message):
            status = _STATUS.get(code, HTTPStatus.BAD_REQUEST)
            unknown = status == HTTPStatus.UNAUTHORIZED
            headers = {"WWW-Authenticate": "Bearer"} if unknown else {}
            return _json(Problem(code=code, message=message), status=status, headers=headers)
        case HTTPException(status_code=known, detail=detail):
            problem = Problem(code=ErrorCode.INVALID_MESSAGE, message=f"{detail}.")
            return _json(problem, status=known, headers=dict(error.headers or {}))
        case _:
            problem = Problem(code=ErrorCode.UNAVAILABLE, message="Storage is away; try again.")
            return _json(problem, status=HTTPStatus.SERVICE_UNAVAILABLE, headers=_TRY_AGAIN)
