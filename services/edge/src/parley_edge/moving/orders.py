"""What operators may order on the admin port: drains and rebalances.

The admin port itself asks for the service token.
"""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from parley_core.domain.errors import PermanentError
from parley_edge.moving.drain import Drain
from parley_edge.moving.rebalance import NotNow, Rebalance

_LONGEST = 3600.0
"""Seconds that a drain or a round of a rebalance may take."""
_CONFLICT = 409


class _NonsenseError(PermanentError):
    """A parameter is not what it has to be; the text says what that is."""


def drain_routes(drain: Drain, *, default: float) -> list[BaseRoute]:
    """`POST /drain?within=SECONDS` (`default` seconds), `GET` its progress, `DELETE` it."""

    async def begin(request: Request) -> Response:
        try:
            within = _within(request, default=default)
        except _NonsenseError as nonsense:
            return _error(nonsense, status=422)
        drain.begin(within=within)
        return _progress(drain.progress(), status=202)

    async def progress(_request: Request) -> Response:
        return _progress(drain.progress())

    async def take_back(_request: Request) -> Response:
        try:
            await drain.take_back()
        except PermanentError as taken:
            return _error(taken, status=_CONFLICT)
        return _progress(drain.progress())

    return [
        Route("/drain", begin, methods=["POST"]),
        Route("/drain", progress, methods=["GET"]),
        Route("/drain", take_back, methods=["DELETE"]),
    ]


def rebalance_routes(rebalance: Rebalance, *, default: float) -> list[BaseRoute]:
    """`POST /rebalance?share=SHARE&within=SECONDS` (`default` seconds), `GET` its progress."""

    async def begin(request: Request) -> Response:
        try:
            share = _number(request, "share", default=None, most=1.0)
            within = _within(request, default=default)
            await rebalance.begin(share=share, within=within)
        except _NonsenseError as nonsense:
            return _error(nonsense, status=422)
        except NotNow as reason:
            return _error(reason, status=_CONFLICT)
        return _progress(rebalance.progress(), status=202)

    async def progress(_request: Request) -> Response:
        return _progress(rebalance.progress())

    return [
        Route("/rebalance", begin, methods=["POST"]),
        Route("/rebalance", progress, methods=["GET"]),
    ]


def _within(request: Request, *, default: float) -> float:
    return _number(request, "within", default=default, most=_LONGEST)


def _number(request: Request, name: str, *, default: float | None, most: float) -> float:
    """The parameter, from 0 to `most`. Raises `_NonsenseError`."""
    asked = request.query_params.get(name, "" if default is None else str(default))
    try:
        number = float(asked)
    except ValueError:
        number = -1.0
    if not 0 <= number <= most:
        raise _NonsenseError(f"{name} is a number, 0 to {most:g}, not {asked[:32]!r}")
    return number


def _progress(progress: msgspec.Struct, *, status: int = 200) -> Response:
    return Response(msgspec.json.encode(progress), status, media_type="application/json")


def _error(error: Exception, *, status: int) -> Response:
    return JSONResponse({"error": str(error)}, status_code=status)
