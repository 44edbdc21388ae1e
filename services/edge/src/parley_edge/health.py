"""What the admin port says of this process, and the drain that it takes."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from parley_edge.drain import Drain

DEAF = 5.0
"""Seconds that the live feed may be unheard while commands are answered."""
_LONGEST_DRAIN = 3600.0


def unready(
    *,
    is_started: Callable[[], bool],
    drain: Drain,
    deaf_for: Callable[[], float],
    redis_is_up: Callable[[], bool],
) -> Callable[[], str | None]:
    """Why no new connection should come here, or None.

    Redis being away is no reason: it is away for every edge, and sockets are better kept.
    """

    def reason() -> str | None:
        if not is_started():
            return "starting"
        if drain.is_draining:
            return "draining"
        if redis_is_up() and deaf_for() > DEAF:
            return f"live feed unheard for {deaf_for():.0f} s"
        return None

    return reason


def drain_routes(drain: Drain, *, default: float) -> list[BaseRoute]:
    """`POST /drain?within=SECONDS` (`default` seconds), `GET` its progress, `DELETE` it."""

    async def begin(request: Request) -> Response:
        asked = request.query_params.get("within", str(default))
        within = _seconds(asked)
        if within is None:
            sentence = (
                f"within is a number of seconds, 0 to {_LONGEST_DRAIN:.0f}, not {asked[:32]!r}"
            )
            return JSONResponse({"error": sentence}, status_code=422)
        drain.begin(within=within)
        return _progress(drain, status=202)

    async def progress(_request: Request) -> Response:
        return _progress(drain, status=200)

    async def take_back(_request: Request) -> Response:
        await drain.take_back()
        return _progress(drain, status=200)

    return [
        Route("/drain", begin, methods=["POST"]),
        Route("/drain", progress, methods=["GET"]),
        Route("/drain", take_back, methods=["DELETE"]),
    ]


def _progress(drain: Drain, *, status: int) -> Response:
    return Response(msgspec.json.encode(drain.progress()), status, media_type="application/json")


def _seconds(text: str) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if 0 <= seconds <= _LONGEST_DRAIN else None
