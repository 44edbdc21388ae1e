"""A TCP proxy that breaks the connection between a service and its server in chosen ways.

It runs on the test's own event loop without a task per connection. `redis_proxy` has the
operations that need to know Redis's protocol.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Self, cast


class TcpProxy:
    """`async with TcpProxy(6379) as proxy:` listens on `proxy.port` and passes everything on."""

    def __init__(self, target: int, *, host: str = "127.0.0.1") -> None:
        self.port = 0
        self.connections: set[Pipe] = set()
        self._host = host
        self._target = target
        self._is_cut = False
        self._is_stalled = False
        self._delay = 0.0
        self._swallow = 0
        self._swallows: Callable[[bytes], bool] = lambda _chunk: True
        self._connecting: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Pipe(self).client, self._host, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.close()
        for task in self._connecting:
            task.cancel()
        await asyncio.gather(*self._connecting, return_exceptions=True)
        self.drop_connections()
        # Let the aborted transports call back.
        await asyncio.sleep(0)
        await self._server.wait_closed()

    def cut(self) -> None:
        """Drop all connections, and every new one at once, until `heal`."""
        self._is_cut = True
        self.drop_connections()

    def refuse(self) -> None:
        """Drop every new connection at once, until `heal`; those there are go on."""
        self._is_cut = True

    def stall(self) -> None:
        """As if packets were lost: what is sent either way stays under way until `heal`.

        New connections are accepted and stay silent. On `heal` everything arrives late, also the
        last words of a client that has gone.
        """
        self._stall_all(stalled=True)

    def heal(self) -> None:
        """Undo `cut`, `refuse`, `stall` and `delay`, and arm no swallowing any more."""
        self._is_cut = False
        self._delay = 0.0
        self._swallow = 0
        self._stall_all(stalled=False)

    def drop_connections(self) -> None:
        """Reset all connections that there are; new ones work."""
        for pipe in list(self.connections):
            pipe.abort()

    def delay(self, seconds: float) -> None:
        """Each chunk takes this much longer, in both directions, from now on."""
        self._delay = seconds

    def swallow_replies(
        self, times: int = 1, *, match: Callable[[bytes], bool] = lambda _chunk: True
    ) -> None:
        """For the next chunks of replies that match: it and all that follows on its connection.

        The connection stays open and silent, for TCP cannot lose a piece from the middle.
        """
        self._swallow = times
        self._swallows = match

    def _stall_all(self, *, stalled: bool) -> None:
        self._is_stalled = stalled
        for pipe in self.connections:
            pipe.is_stalled = stalled
            pipe.pace()

    # What a pipe asks.

    def request(self, pipe: Pipe, chunk: bytes) -> None:
        """A chunk from the client."""
        pipe.to_server.push(chunk, delay=self._delay)

    def reply(self, pipe: Pipe, chunk: bytes) -> None:
        """A chunk from the server."""
        if self._swallow and self._swallows(chunk):
            self._swallow -= 1
            pipe.is_deaf = True
        if not pipe.is_deaf:
            pipe.to_client.push(chunk, delay=self._delay)

    def ended(self, lane: Lane) -> None:
        """The sender said that no more comes."""
        lane.push(None, delay=self._delay)

    def accepted(self, pipe: Pipe) -> None:
        """A client has connected."""
        if self._is_cut:
            pipe.abort()
            return
        self.connections.add(pipe)
        pipe.is_stalled = self._is_stalled
        task = asyncio.get_running_loop().create_task(self._connect(pipe))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    async def _connect(self, pipe: Pipe) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.create_connection(lambda: pipe.server, self._host, self._target)
        except OSError:
            pipe.abort()


class Pipe:
    """A client's connection, and the one to the server that carries it on."""

    def __init__(self, proxy: TcpProxy) -> None:
        self.proxy = proxy
        self.is_deaf = False
        """Nothing comes back any more."""
        self.is_stalled = False
        self.client = End(self)
        self.server = End(self)
        self.to_client = Lane(self.client)
        self.to_server = Lane(self.server)

    def connected(self, end: End) -> None:
        if end is self.client:
            self.proxy.accepted(self)
        elif self not in self.proxy.connections:
            self.abort()
        self.pace()

    def received(self, end: End, chunk: bytes) -> None:
        (self.proxy.request if end is self.client else self.proxy.reply)(self, chunk)

    def ended(self, end: End) -> None:
        self.proxy.ended(self.to_server if end is self.client else self.to_client)

    def pace(self) -> None:
        """Read from each side exactly while the other can take it."""
        ready = self.client.is_open and self.server.is_open and not self.is_stalled
        self.client.read(wanted=ready and not self.server.is_full)
        self.server.read(wanted=ready and not self.client.is_full)

    def cut_off(self, *, within: float) -> None:
        """Let the server finish what it has; the client is dropped then, or after `within`."""
        self.is_deaf = True
        self.proxy.ended(self.to_server)
        asyncio.get_running_loop().call_later(within, self.abort)

    def finish(self) -> None:
        """Close both sides once each has said its last word and what is under way has left."""
        if self.client.is_finished and self.server.is_finished:
            self.proxy.connections.discard(self)
            self.client.close()
            self.server.close()

    def lost(self) -> None:
        """A side is gone without a last word, or after both had theirs."""
        if self in self.proxy.connections:
            self.abort()

    def abort(self) -> None:
        """Reset both sides, whatever is under way."""
        self.proxy.connections.discard(self)
        self.client.abort()
        self.server.abort()


class End(asyncio.Protocol):
    """One socket of a pipe. Nothing is read before both sides are connected."""

    def __init__(self, pipe: Pipe) -> None:
        self.is_full = False
        self.is_finished = False
        """It was told that nothing follows."""
        self._pipe = pipe
        self._transport: asyncio.Transport | None = None

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._pipe.connected(self)

    def data_received(self, data: bytes) -> None:
        self._pipe.received(self, data)

    def eof_received(self) -> bool:
        self._pipe.ended(self)
        return True  # the other direction may still have something to say

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # asyncio's
        self._pipe.lost()

    def pause_writing(self) -> None:
        self.is_full = True
        self._pipe.pace()

    def resume_writing(self) -> None:
        self.is_full = False
        self._pipe.pace()

    def read(self, *, wanted: bool) -> None:
        if self._transport is not None and wanted is not self._transport.is_reading():
            (self._transport.resume_reading if wanted else self._transport.pause_reading)()

    def write(self, chunk: bytes | None) -> None:
        """None: nothing follows."""
        if self._transport is None or self._transport.is_closing():
            return
        if chunk is None:
            self._transport.write_eof()
            self.is_finished = True
            self._pipe.finish()
        else:
            self._transport.write(chunk)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()


class Lane:
    """One direction: each chunk leaves after its delay, and none before an older one."""

    def __init__(self, end: End) -> None:
        self._end = end
        self._held: deque[bytes | None] = deque()
        self._free_at = 0.0

    def push(self, chunk: bytes | None, *, delay: float) -> None:
        """None: nothing follows."""
        if not (delay or self._held):
            self._end.write(chunk)
            return
        loop = asyncio.get_running_loop()
        self._free_at = max(self._free_at, loop.time() + delay)
        self._held.append(chunk)
        loop.call_at(self._free_at, self._release)

    def _release(self) -> None:
        self._end.write(self._held.popleft())
