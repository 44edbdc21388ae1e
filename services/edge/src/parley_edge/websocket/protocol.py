"""The handshake: uvicorn's WebSocket protocol up to the accept, then a `ClientSocket`.

Routing, headers and the answer are uvicorn's and Starlette's. What they need for a connection's
life (a task, a queue, two events, timers, a parser, the scope) would cost an idle connection 20 KB;
it ends here, and the transport gets a protocol that holds what an open socket needs.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from math import inf
from typing import Any, ClassVar
from urllib.parse import unquote

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory

from parley_edge.domain.framing import WINDOW_BITS, Form
from parley_edge.domain.handshake import Opening, acceptance, opening
from parley_edge.domain.inbound import Inbound
from parley_edge.websocket.handshakes import Admission, says_resume, turned_away
from parley_edge.websocket.socket import ClientSocket, KeepAlive, Listener

EXTENSION = "parley"
"""Under this name of the ASGI scope's extensions the endpoint finds its handshake."""

_COMPRESSION = [
    # Nothing is taken over from one message to the next, in neither direction: a frame is deflated
    # once for all who get it, and an idle connection holds no window.
    ServerPerMessageDeflateFactory(
        server_no_context_takeover=True,
        client_no_context_takeover=True,
        server_max_window_bits=WINDOW_BITS,
    )
]


@cache
def keep_alive(interval: float | None, timeout: float | None) -> KeepAlive:
    """One value for all connections of a server. None is never."""
    return KeepAlive(interval or inf, timeout or inf)


class EdgeProtocol(WebSocketsSansIOProtocol):
    """One client's handshake."""

    admission: ClassVar[Admission | None] = None
    """Lets handshakes in; None: all."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.conn.available_extensions = _COMPRESSION if self.config.ws_per_message_deflate else []
        self._opening: Opening | None = None
        self._early = b""
        self._is_handed_over = False

    def hand_over(self, listen: Callable[[ClientSocket], Listener]) -> None:
        """After the accept: the transport becomes a `ClientSocket`'s, and `listen` makes who is
        told what comes. Harmless if the peer is gone."""
        if self.disconnected or self.transport.is_closing():
            return
        self._is_handed_over = True
        config, is_compressed = self.config, bool(self.conn.extensions)
        socket = ClientSocket(
            self.transport,
            loop=self.loop,
            connections=self.connections,
            inbound=Inbound(limit=config.ws_max_size, inflates=is_compressed),
            form=Form.COMPRESSED if is_compressed else Form.SOCKET,
            keep_alive=keep_alive(config.ws_ping_interval, config.ws_ping_timeout),
            is_paused=self.read_paused,
        )
        self.connections.discard(self)
        self.transport.set_protocol(socket)
        socket.listen(listen(socket), early=self._early)
        self._let_go()

    def _let_go(self) -> None:
        """Break the circles, so that nothing waits for the garbage collector."""
        self.conn.parser.close()
        self.scope["extensions"].clear()

    # From the event loop, by way of uvicorn

    def data_received(self, data: bytes) -> None:
        if not self.handshake_initiated:
            self._request_received(data)
            return
        # For the socket, as soon as there is one.
        self._early += data
        if not self.read_paused:
            self.read_paused = True
            self.transport.pause_reading()

    def _request_received(self, data: bytes) -> None:
        """Uvicorn gives the whole request at once. What is unusual is left to its own class."""
        asked = opening(data)
        wait = None
        if self.admission is not None:
            target = "" if asked is None else asked.target.decode()
            wait = self.admission.admit(resumes=says_resume(target))
        if wait is not None:
            self.transport.write(turned_away(wait))
            self.transport.close()
        elif asked is None or (asked.offers_extensions and self.conn.available_extensions):
            super().data_received(data)
        else:
            self._begin(asked)

    def _begin(self, asked: Opening) -> None:
        """As uvicorn's `handle_connect`, without a second parser and its answer."""
        self._opening = asked
        self.handshake_initiated = True
        path, _, query = asked.target.partition(b"?")
        self.scope = {
            "type": "websocket",
            "asgi": {"version": self.asgi_version, "spec_version": "2.4"},
            "http_version": "1.1",
            "scheme": self.scheme,
            "server": self.server,
            "client": self.client,
            "root_path": self.root_path,
            "path": self.root_path + unquote(path.decode()),
            "raw_path": self.root_path.encode() + path,
            "query_string": query,
            "headers": asked.headers,
            "subprotocols": asked.subprotocols,
            "state": self.app_state.copy(),
            "extensions": {"websocket.http.response": {}},
        }
        self.queue.put_nowait({"type": "websocket.connect"})
        task = self.loop.create_task(self.run_asgi())
        task.add_done_callback(self.on_task_complete)
        self.tasks.add(task)

    async def send(self, message: Any) -> None:
        if self._opening is None or message["type"] != "websocket.accept":
            await super().send(message)
        elif self.disconnected or self.transport.is_closing():
            raise ClientDisconnected
        else:
            self._accept(self._opening, message)

    def _accept(self, asked: Opening, message: Any) -> None:
        headers = [*self.default_headers, *message.get("headers", ())]
        if message.get("subprotocol"):
            headers.append((b"Sec-WebSocket-Protocol", message["subprotocol"].encode()))
        self.handshake_complete = True
        self.transport.write(acceptance(asked.key, headers))

    def start_keepalive(self) -> None:
        """The socket's matter."""

    async def run_asgi(self) -> None:
        """Supervisor of one handshake. As uvicorn's, but what was handed over stays open."""
        extensions: dict[str, Any] = self.scope["extensions"]
        extensions[EXTENSION] = self
        try:
            await self.app(self.scope, self.receive, self.send)
        except Exception:
            self.logger.exception("a handshake failed")
        if not self._is_handed_over:
            self.send_500_response()
            self.transport.close()


def admitting(by: Admission) -> type[EdgeProtocol]:
    """The protocol of a process that lets in whom `by` does."""

    class AdmittingProtocol(EdgeProtocol):
        admission = by

    return AdmittingProtocol
