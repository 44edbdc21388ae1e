"""A command on its way to Redis."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

from parley_core.redis.wire import Argument, pack


class LuaScript(Protocol):
    """What is needed of a script: `scripts.Script`, and any other with these two."""

    @property
    def source(self) -> str: ...
    @property
    def sha(self) -> str: ...


class Call(asyncio.Future[Any]):
    """Its result is the reply: bytes, int, list or None."""

    __slots__ = ("again_until", "hops", "key", "packed", "source", "tail")
    packed: bytes
    key: str | None
    """On a Cluster it goes to this key's node; None: to any."""
    source: str | None
    """A script's text, for a node that does not know it yet."""
    tail: tuple[Argument, ...]
    """A script's number of keys, keys and arguments."""
    hops: int
    """On a Cluster: redirections so far."""
    again_until: float
    """On a Cluster: the loop's time to give up on TRYAGAIN; 0.0 before the first."""

    def succeed(self, reply: Any) -> None:
        """Nothing happens if the caller has gone."""
        if not self.done():
            self.set_result(reply)

    def fail(self, error: Exception) -> None:
        """Nothing happens if the caller has gone."""
        if not self.done():
            self.set_exception(error)

    def spell_out(self) -> None:
        """The node does not know the script: send its text the next time, which it then keeps."""
        self.packed = pack("EVAL", self.source or "", *self.tail)
        self.source = None


def new_call(loop: asyncio.AbstractEventLoop, packed: bytes, *, key: str | None = None) -> Call:
    # Not an __init__ of Call: it would cost each call a third more than the C one.
    call = Call(loop=loop)
    call.packed = packed
    call.key = key
    call.source = None
    call.tail = ()
    call.hops = 0
    call.again_until = 0.0
    return call


def new_script_call(
    loop: asyncio.AbstractEventLoop,
    script: LuaScript,
    tail: tuple[Argument, ...],
    *,
    key: str | None,
) -> Call:
    call = new_call(loop, pack("EVALSHA", script.sha, *tail), key=key)
    call.source = script.source
    call.tail = tail
    return call
