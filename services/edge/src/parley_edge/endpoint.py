"""Where clients come in: `/ws` and `/`."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from starlette.applications import Starlette
from starlette.routing import BaseRoute, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from parley_core.http_api import PROBLEMS
from parley_edge.connection import Connection
from parley_edge.edge import Edge
from parley_edge.requests import carry_out
from parley_edge.websocket.protocol import EXTENSION, EdgeProtocol
from parley_edge.websocket.socket import ClientSocket

SUBPROTOCOL = "parley.v1"


def public_app(edge: Edge, *, routes: Sequence[BaseRoute]) -> Starlette:
    """The application on WEBSOCKET_PORT: WebSockets, and `routes` beside them."""

    def connect(socket: ClientSocket) -> Connection:
        return Connection(socket, edge=edge, carry_out=carry_out)

    async def serve(websocket: WebSocket) -> None:
        offered = websocket.scope["subprotocols"]
        handshake: EdgeProtocol = websocket.scope["extensions"][EXTENSION]
        with suppress(WebSocketDisconnect):
            await websocket.accept(subprotocol=SUBPROTOCOL if SUBPROTOCOL in offered else None)
            handshake.hand_over(connect)

    return Starlette(
        routes=[WebSocketRoute("/ws", serve), WebSocketRoute("/", serve), *routes],
        exception_handlers=PROBLEMS,
    )
