"""The admin port of every service: health, readiness, metrics, and what operators may order."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from parley_core.authentication import bearer_token, is_service_token
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_LOOPBACK = frozenset({"127.0.0.1", "::1", "::ffff:127.0.0.1"})


class OrdersNeedTheToken:
    """Middleware: what changes something needs the service token, or loopback if there is none."""

    def __init__(self, app: ASGIApp, *, service_token: str) -> None:
        self._app = app
        self._token = service_token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or self._may(Request(scope)):
            await self._app(scope, receive, send)
            return
        refusal = JSONResponse({"error": "FORBIDDEN"}, status_code=403)
        await refusal(scope, receive, send)

    def _may(self, request: Request) -> bool:
        if request.method in _SAFE:
            return True
        if self._token:
            given = bearer_token(request.headers.get("authorization"))
            return is_service_token(given, expected=self._token)
        return request.client is not None and request.client.host in _LOOPBACK


def admin_app(
    *,
    unready: Callable[[], str | None],
    service_token: str,
    routes: Sequence[BaseRoute] = (),
) -> Starlette:
    """`unready` says why the process should get no new work, None if it should."""

    async def healthz(request: Request) -> Response:
        del request
        return PlainTextResponse("ok\n")

    async def readyz(request: Request) -> Response:
        del request
        reason = unready()
        return PlainTextResponse(f"{reason or 'ready'}\n", status_code=503 if reason else 200)

    async def metrics(request: Request) -> Response:
        del request
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    own = [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)]
    return Starlette(
        routes=[*own, *routes],
        middleware=[Middleware(OrdersNeedTheToken, service_token=service_token)],
    )
