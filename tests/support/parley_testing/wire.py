"""A client that speaks the wire protocol frame by frame, without an SDK's good manners."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from types import TracebackType
from typing import Any, Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

Frame = dict[str, Any]
_WITHIN = 10.0
"""Seconds that a frame or a close may take."""


class WireClient:
    """`async with WireClient(url) as client:`; every wait is bounded."""

    def __init__(self, url: str, **options: Any) -> None:
        """`options` go to `websockets.connect`."""
        self._connecting = connect(url, compression=None, **options)
        self.socket: ClientConnection

    async def __aenter__(self) -> Self:
        self.socket = await self._connecting
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.socket.close()

    async def auth(self, user: str, device: str = "phone", **fields: Any) -> Frame:
        """The `system` that answers."""
        await self.send("auth", user_id=user, device_id=device, **fields)
        return await self.receive("system")

    async def send(self, type_: str, **fields: Any) -> None:
        await self.send_raw(json.dumps({"type": type_, **fields}))

    async def send_raw(self, data: str | bytes) -> None:
        async with asyncio.timeout(_WITHIN):
            await self.socket.send(data)

    async def text(self, content: str, **fields: Any) -> None:
        await self.send("text", content=content, **fields)

    async def command(self, command: str, **fields: Any) -> None:
        await self.send("command", command=command, **fields)

    async def next(self, *, within: float = _WITHIN) -> Frame:
        """The next frame, whatever it is."""
        async with asyncio.timeout(within):
            return dict(json.loads(await self.socket.recv()))

    async def receive(self, type_: str, *, within: float = _WITHIN) -> Frame:
        """The next frame, which is of this type."""
        frame = await self.next(within=within)
        assert frame["type"] == type_, frame
        return frame

    async def until(self, type_: str, **fields: Any) -> Frame:
        """The first frame of this type with these fields; others are passed over."""
        wanted = {"type": type_, **fields}
        while True:
            frame = await self.next()
            if wanted.items() <= frame.items():
                return frame

    async def quiet(self) -> None:
        """Nothing was sent before the answer to a heartbeat that is sent now."""
        await self.send("heartbeat")
        await self.receive("heartbeat")

    async def closed(self) -> int:
        """The code that the server closes with; frames before it are passed over."""
        with contextlib.suppress(ConnectionClosed):
            while True:
                async with asyncio.timeout(_WITHIN):
                    await self.socket.recv()
        close = self.socket.protocol.close_rcvd
        assert close is not None, "the connection was lost without a close"
        return close.code


def client_that_does_not_read(url: str, *, port: int) -> WireClient:
    """Its buffers are small: what it does not take piles up at the edge on that port."""
    small = socket.socket()
    small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
    small.connect(("127.0.0.1", port))
    return WireClient(url, sock=small, max_queue=1)
