"""Calls that wait inside Redis (XREADGROUP BLOCK), each on a connection that it has to itself."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from parley_core.domain.errors import Unavailable
from parley_core.redis.call import Call
from parley_core.redis.link import Link, Way
from parley_core.redis.nodes import Nodes
from parley_core.redis.refusals import ErrorReply, judged
from parley_core.redis.wire import Address


class BlockingLinks:
    """Connections are kept for the next such call to the same node.

    At most `most` such calls at once; one more is `Unavailable`.
    """

    def __init__(self, nodes: Nodes, way: Way, *, most: int) -> None:
        self._nodes = nodes
        self._most = most
        # The scripts stay out: they do not block.
        self._way = replace(way, preload=())
        self._idle: dict[Address, list[Link]] = {}
        self._busy: set[Link] = set()

    async def run(self, call: Call, *, timeout: float) -> object:
        """The reply. `timeout`: seconds for which Redis itself may keep the call."""
        link = self._take(self._nodes.home(call.key))
        link.limits = replace(link.limits, answer=timeout + self._way.limits.answer)
        try:
            link.send(call)
            reply = await call
        except BaseException:
            # The call may still wait there, and would take what the next one asks for.
            self._busy.discard(link)
            await link.aclose()
            raise
        self._busy.discard(link)
        self._idle.setdefault(link.address, []).append(link)
        return reply

    async def aclose(self) -> None:
        idle = [link for links in self._idle.values() for link in links]
        self._idle.clear()
        await asyncio.gather(*(link.aclose() for link in (*idle, *self._busy)))

    def _take(self, address: Address) -> Link:
        if len(self._busy) >= self._most:
            raise Unavailable(f"{self._most} blocking calls wait for Redis already")
        idle = self._idle.get(address)
        link = idle.pop() if idle else Link(address, self._way, refused=self._refused)
        self._busy.add(link)
        return link

    def _refused(self, link: Link, call: Call, reply: ErrorReply) -> None:
        self._nodes.learn_from(reply, asked=link.address)
        call.fail(judged(reply, node=link.address))
