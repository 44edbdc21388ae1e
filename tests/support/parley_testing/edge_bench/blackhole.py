"""A network that loses everything from one moment on: peers are gone without a word."""

from __future__ import annotations

import asyncio
import threading
from typing import Self

from parley_testing.proxy import TcpProxy

_WITHIN = 10.0


class Blackhole:
    """`with Blackhole(PORT) as hole:` passes on what goes to `hole.port`, until `swallow`.

    The proxy runs on a thread: it needs asyncio's own event loop, and the load has another.
    """

    def __init__(self, target: int) -> None:
        self.port = 0
        self._target = target
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._loop: asyncio.AbstractEventLoop
        self._proxy: TcpProxy
        self._left: asyncio.Event

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(_WITHIN):
            raise TimeoutError("the proxy did not start")
        return self

    def __exit__(self, *exc: object) -> None:
        self._loop.call_soon_threadsafe(self._left.set)
        self._thread.join(_WITHIN)

    def swallow(self) -> None:
        """Nothing comes through any more, either way."""
        self._loop.call_soon_threadsafe(self._proxy.stall)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            runner.run(self._pass_on())

    async def _pass_on(self) -> None:
        self._loop, self._left = asyncio.get_running_loop(), asyncio.Event()
        async with TcpProxy(self._target) as self._proxy:
            self.port = self._proxy.port
            self._ready.set()
            await self._left.wait()
