"""The HTTP connection under an event stream: uvicorn's protocol class, with a way to cut it."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

TRANSPORT = "parley.transport"
"""Under this name of the ASGI scope's extensions a response finds its transport."""
DEAF = 20.0
"""Seconds for which a peer may acknowledge nothing of what was sent before it is lost."""

_USER_TIMEOUT = getattr(socket, "TCP_USER_TIMEOUT", None)
"""Linux has it. Elsewhere the kernel's own patience bounds how long a dead peer seems alive."""


class EdgeHttpProtocol(HttpToolsProtocol):
    """One client's HTTP connection."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        extensions: dict[str, Any] = {TRANSPORT: self.transport}
        self.scope["extensions"] = extensions

    def handle_websocket_upgrade(self) -> None:
        super().handle_websocket_upgrade()
        # It knows this protocol, which nobody needs any more: nothing waits for the collector.
        self.parser = None  # type: ignore[assignment]


def lose_when_deaf(transport: asyncio.Transport) -> None:
    """Have the kernel cut a connection whose peer acknowledges nothing for `DEAF` seconds.

    For responses that last: WebSockets have pings, and a storm of handshakes needs no system call.
    """
    raw = transport.get_extra_info("socket")
    if raw is not None and _USER_TIMEOUT is not None:
        with suppress(OSError):  # Gone already: then it is lost anyway.
            raw.setsockopt(socket.IPPROTO_TCP, _USER_TIMEOUT, round(DEAF * 1000))
