"""Where clients come in: `/ws` and `/`."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from parley_edge.connection import Connection
from parley_edge.edge import Edge
from parley_edge.protocol import EXTENSION, EdgeProtocol
from parley_edge.requests import carry_out

SUBPROTOCOL = "parley.v1"


def websocket_app(edge: Edge) -> Starlette:
    """The application on WEBSOCKET_PORT."""

    async def serve(websocket: WebSocket) -> None:
        offered = websocket.scope["subprotocols"]
        await websocket.accept(subprotocol=SUBPROTOCOL if SUBPROTOCOL in offered else None)
        socket: EdgeProtocol = websocket.scope["extensions"][EXTENSION]
        connection = Connection(socket, edge=edge, carry_out=carry_out)
        socket.listen(connection)
        await connection.gone.wait()

    return Starlette(routes=[WebSocketRoute("/ws", serve), WebSocketRoute("/", serve)])
