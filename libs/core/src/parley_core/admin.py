"""The admin port of every service: health, readiness, metrics, and what operators may order."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from ipaddress import IPv6Address, ip_address

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from parley_core.authentication import bearer_token, is_service_token

_EVERYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared, not bound
_LOOPBACK = "127.0.0.1"
_FAR_AWAY = ("192.0.2.1", 9)
"""An address that nobody has (RFC 5737), by way of which a machine's own address shows."""
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_UNPROVED = "This needs the service token: Authorization: Bearer ..."
_NOT_FROM_HERE = "Without a SERVICE_TOKEN this is for programs on the same machine."


class OrdersNeedTheToken:
    """Middleware: what changes something needs the service token, or loopback if there is none."""

    def __init__(self, app: ASGIApp, *, service_token: str) -> None:
        self._app = app
        self._token = service_token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refused = self._why_not(Request(scope)) if scope["type"] == "http" else None
        if refused is None:
            await self._app(scope, receive, send)
            return
        answer = JSONResponse({"error": "FORBIDDEN", "message": refused}, status_code=403)
        await answer(scope, receive, send)

    def _why_not(self, request: Request) -> str | None:
        if request.method in _READING:
            return None
        if self._token:
            given = bearer_token(request.headers.get("authorization"))
            return None if is_service_token(given, expected=self._token) else _UNPROVED
        # A page in a browser on this machine is not a program of this machine's owner.
        is_page = "origin" in request.headers
        return None if is_loopback(request) and not is_page else _NOT_FROM_HERE


def is_loopback(request: Request) -> bool:
    """Whether the request comes from this machine."""
    if request.client is None:
        return False
    address = ip_address(request.client.host)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped.is_loopback
    return address.is_loopback


def admin_url(*, port: int, listens_on: str, advertised: str, takes_orders: bool) -> str:
    """Where others find the admin port of a process that listens on `listens_on`.

    `advertised`: what the operator says; it knows best. `takes_orders`: whether orders come from
    other machines, which a service token allows. If not, loopback is the address that works.
    """
    host = advertised or listens_on
    if host in _EVERYWHERE:
        host = own_address() if takes_orders else _LOOPBACK
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def own_address() -> str:
    """This machine's address on its way out, loopback if it has none; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_FAR_AWAY)
        except OSError:
            return _LOOPBACK
        return str(probe.getsockname()[0])


def admin_app(
    *,
    unready: Callable[[], str | None],
    service_token: str,
    routes: Sequence[BaseRoute] = (),
    unhealthy: Callable[[], str | None] = lambda: None,
) -> Starlette:
    """`unready` says why the process should get no new work, None if it should.

    `unhealthy` says why it should be started anew, None if it should not. That the event loop
    answers is health enough for most.
    """

    async def healthz(_request: Request) -> Response:
        reason = unhealthy()
        return PlainTextResponse(f"{reason or 'ok'}\n", status_code=503 if reason else 200)

    async def readyz(_request: Request) -> Response:
        reason = unready()
        return PlainTextResponse(f"{reason or 'ready'}\n", status_code=503 if reason else 200)

    async def metrics(_request: Request) -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    own = [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)]
    return Starlette(
        routes=[*own, *routes],
        middleware=[Middleware(OrdersNeedTheToken, service_token=service_token)],
    )
