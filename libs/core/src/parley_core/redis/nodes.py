"""Where calls go: one server here, a Cluster in `cluster`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from parley_core.redis.call import Call
from parley_core.redis.link import Link, Way
from parley_core.redis.refusals import ErrorReply, judged
from parley_core.redis.wire import Address


class Nodes(Protocol):
    """Guarantee: a call is settled within the limits, and executed at most once."""

    @property
    def is_up(self) -> bool:
        """Whether every node answered last."""
        ...

    def send(self, call: Call) -> None:
        """To the node of the call's key."""
        ...

    def home(self, key: str | None) -> Address:
        """The node of a key or a channel. Raises `Unavailable` while it has none."""
        ...

    def learn_from(self, reply: ErrorReply, *, asked: Address) -> None:
        """A node said, beside these calls, that a key lives elsewhere."""
        ...

    async def start(self) -> None:
        """Connect. Raises `Unavailable`, `PermanentError`."""
        ...

    async def look_again(self) -> None:
        """Learn anew which node has which keys. Raises `Unavailable`."""
        ...

    async def aclose(self) -> None: ...


class OneServer:
    """Every key is at one address, which may change where `locate` finds it."""

    def __init__(
        self,
        address: Address,
        way: Way,
        *,
        locate: Callable[[], Awaitable[Address]],
    ) -> None:
        self._locate = locate
        self._link = Link(address, way, refused=self._refused, locate=locate)

    @property
    def is_up(self) -> bool:
        return not self._link.is_down

    def send(self, call: Call) -> None:
        self._link.send(call)

    def home(self, _key: str | None) -> Address:
        return self._link.address

    def learn_from(self, _reply: ErrorReply, *, asked: Address) -> None:
        """There is nothing to learn."""

    async def look_again(self) -> None:
        """Where it is now. Raises `Unavailable`."""
        address = await self._locate()
        if address != self._link.address:
            self._link.address = address
            self._link.drop(f"is not the primary any more, {address} is")

    async def start(self) -> None:
        """Connect. Raises `Unavailable`, `PermanentError`."""
        await self._link.open()

    async def aclose(self) -> None:
        await self._link.aclose()

    def _refused(self, link: Link, call: Call, reply: ErrorReply) -> None:
        call.fail(judged(reply, node=link.address))
        if reply.code == "READONLY":
            # The name may lead to the new primary by now.
            link.drop("became a replica")
