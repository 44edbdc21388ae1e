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
from parley_core.domain.errors import PermanentError
from starlette.types import ASGIApp

_BACKLOG = 2048
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
        ws: type[asyncio.Protocol] | None = None,
        certificate: Path | None = None,
        private_key: Path | None = None,
        **options: Any,
    ) -> None:
        """`ws`: the class for WebSockets; `options` go to `uvicorn.Config`. Raises `PermanentError`."""
        self._address = (host, port)
        self._reuse_port = reuse_port
        self._config = uvicorn.Config(
            app,
            ws=ws or "none",
            log_config=None,
            access_log=False,
            server_header=False,
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
        """Listen. Raises `PermanentError` if the port is taken or a certificate cannot be read."""
        try:
            self._config.load()
        except OSError as error:
            raise PermanentError(f"SSL_CERTFILE or SSL_KEYFILE cannot be read: {error}") from error
        self._server.lifespan = self._config.lifespan_class(self._config)
        await self._server.startup(sockets=[self._bind()])
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
        """Close everything that is still open."""
        self._server.should_exit = True
        if self._ticking is not None:
            await self._ticking
            await self._server.shutdown()
            self._ticking = None

    def _bind(self) -> socket.socket:
        host, port = self._address
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self._reuse_port:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            listener.close()
            raise PermanentError(
                f"Port {port} on {host} cannot be used: {error.strerror}"
            ) from error
        listener.setblocking(False)
        self._address = (host, listener.getsockname()[1])
        return listener
