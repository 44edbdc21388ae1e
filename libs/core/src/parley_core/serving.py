"""An HTTP server inside a running event loop, whose process keeps its own signals.

uvicorn's own life cycle closes every socket as soon as it is told to go. A draining edge must be
able to close its listener first, keep its connections, and open the listener again.
"""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from parley_core.domain.errors import PermanentError

_STOP_WITHIN = 5
"""Seconds for requests that are under way when the server stops."""


class HttpServer:
    """One port of one process."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        host: str,
        port: int,
        reuse_port: bool = False,
        send_buffer: int | None = None,
        ws: type[asyncio.Protocol] | None = None,
        certificate: Path | None = None,
        private_key: Path | None = None,
        **options: Any,
    ) -> None:
        """`reuse_port`: other processes of this user may share the port.

        `send_buffer`: bytes that the kernel may hold of each connection, which it counts double;
        without it, megabytes for a peer that does not read.

        `ws`: the class for WebSockets, without which there are none. `private_key`: if the
        certificate's file does not hold it. `options` go to `uvicorn.Config`.
        """
        self._address = (host, port)
        self._reuse_port = reuse_port
        self._send_buffer = send_buffer
        self._certificate = certificate
        self._private_key = private_key
        self._config = uvicorn.Config(
            app,
            ws=ws or "none",
            log_config=None,
            access_log=False,
            server_header=False,
            # Who may order what goes by the peer's address, which a header must not change.
            proxy_headers=False,
            lifespan="off",
            timeout_graceful_shutdown=_STOP_WITHIN,
            ssl_certfile=certificate,
            ssl_keyfile=private_key,
            **options,
        )
        self._server = uvicorn.Server(self._config)
        self._ticking: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """The port in use, also when 0 was asked for."""
        return self._address[1]

    async def start(self) -> None:
        """Listen. Raises `PermanentError` if the port is taken or a certificate cannot be used."""
        self._load()
        self._server.lifespan = self._config.lifespan_class(self._config)
        await self.listen_again()
        self._ticking = asyncio.create_task(self._server.main_loop(), name=f"http {self.port}")

    async def stop_listening(self) -> None:
        """Take no new connections; those that are open go on."""
        for server in self._server.servers:
            server.close()
        self._server.servers = []

    async def listen_again(self) -> None:
        """On a fresh socket. Raises `PermanentError` if the port was taken meanwhile."""
        await self._server.startup(sockets=[self._bind()])

    async def stop(self) -> None:
        """Close everything that is still open. Harmless if it was not started."""
        self._server.should_exit = True
        if self._ticking is not None:
            await self._ticking
            await self._server.shutdown()
            self._ticking = None

    def _load(self) -> None:
        if self._private_key is not None and self._certificate is None:
            raise PermanentError("SSL_KEYFILE is set without SSL_CERTFILE: set both or none.")
        try:
            self._config.load()
        except OSError as error:
            names = f"SSL_CERTFILE {self._certificate} or SSL_KEYFILE {self._private_key}"
            raise PermanentError(f"{names} cannot be used: {error}") from error

    def _bind(self) -> socket.socket:
        host, port = self._address
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self._reuse_port:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if self._send_buffer is not None:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self._send_buffer)
        try:
            listener.bind((host, port))
            # Now, not when the event loop listens: two that only bound would not notice each other.
            listener.listen(self._config.backlog)
        except OSError as error:
            listener.close()
            raise PermanentError(
                f"Port {port} on {host} cannot be used: {error.strerror}"
            ) from error
        listener.settimeout(0)
        self._address = (host, listener.getsockname()[1])
        return listener
