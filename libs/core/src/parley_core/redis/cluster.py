"""Calls to a Redis Cluster: one link per primary, and a map of slots that corrects itself.

Redis executes nothing when it answers MOVED, ASK or TRYAGAIN, so these calls are sent on, in the
order of their replies; a call that was turned away may be overtaken by a later one.
"""

from __future__ import annotations

import asyncio

from redis.exceptions import ResponseError

from parley_core.domain.errors import PermanentError, Unavailable
from parley_core.redis.call import Call, new_call
from parley_core.redis.link import Link, Way
from parley_core.redis.refusals import ErrorReply, judged
from parley_core.redis.topology import SLOTS, primaries, redirect, slot_of
from parley_core.redis.wire import Address, ask, pack

_HOPS = 16
"""Redirections of one call; more means that the nodes disagree."""
_TRY_AGAIN_EVERY = 0.02
_TRY_AGAIN_FOR = 1.0
"""Seconds: a slot whose migration takes longer is unavailable to scripts that need all its keys."""
_LOOK_EVERY = 0.2
"""Seconds between two looks at the map, at least."""
_ASKING = pack("ASKING")


class Cluster:
    """`Nodes` for a Cluster that `seed` is a node of."""

    def __init__(self, seed: Address, way: Way) -> None:
        self._seed = seed
        self._way = way
        self._loop = asyncio.get_running_loop()
        self._links: dict[Address, Link] = {}
        self._owners: list[Link | None] = [None] * SLOTS
        self._looking: asyncio.Task[None] | None = None
        self._looked_at = 0.0
        self._closed = False

    @property
    def is_up(self) -> bool:
        return not any(link.is_down for link in self._links.values())

    def send(self, call: Call) -> None:
        try:
            link = self._link_for(call.key)
        except Unavailable as error:
            call.fail(error)
        else:
            link.send(call)

    def home(self, key: str | None) -> Address:
        return self._link_for(key).address

    def learn_from(self, reply: ErrorReply, *, asked: Address) -> None:
        if reply.code == "MOVED":
            self._learn(reply, asked)

    async def start(self) -> None:
        await self.look_again()

    async def look_again(self) -> None:
        if (looking := self._look_soon()) is not None:
            await asyncio.shield(looking)

    async def aclose(self) -> None:
        self._closed = True
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
        await asyncio.gather(*(link.aclose() for link in self._links.values()))

    def _link_for(self, key: str | None) -> Link:
        if key is None:
            links = self._links.values()
            return next((link for link in links if not link.is_down), next(iter(links)))
        slot = slot_of(key)
        link = self._owners[slot]
        if link is None:
            self._look_soon()
            raise Unavailable(f"No node of the Cluster has slot {slot}", delay=_LOOK_EVERY)
        return link

    def _link(self, address: Address) -> Link:
        link = self._links.get(address)
        if link is None:
            link = Link(address, self._way, refused=self._refused, lost=self._lost)
            self._links[address] = link
        return link

    def _refused(self, link: Link, call: Call, reply: ErrorReply) -> None:
        match reply.code:
            case "MOVED" if self._may_hop(call):
                self._learn(reply, link.address).send(call)
            case "ASK" if self._may_hop(call):
                self._ask(call, self._link(redirect(reply, asked=link.address).address))
            case "TRYAGAIN" if self._may_try_again(call):
                self._loop.call_later(_TRY_AGAIN_EVERY, self.send, call)
            case _:
                call.fail(judged(reply, node=link.address))

    def _may_hop(self, call: Call) -> bool:
        call.hops += 1
        return call.hops <= _HOPS

    def _may_try_again(self, call: Call) -> bool:
        now = self._loop.time()
        call.again_until = call.again_until or now + _TRY_AGAIN_FOR
        return now < call.again_until

    def _learn(self, reply: ErrorReply, asked: Address) -> Link:
        """The slot's new owner. One slot that moved is rarely alone: look at all."""
        moved = redirect(reply, asked=asked)
        link = self._link(moved.address)
        self._owners[moved.slot] = link
        self._look_soon()
        return link

    def _ask(self, call: Call, link: Link) -> None:
        asking = new_call(self._loop, _ASKING)
        # Nobody awaits it: if it fails, so does the call behind it.
        asking.add_done_callback(lambda done: done.cancelled() or done.exception())
        link.send(asking, call)

    def _lost(self, _link: Link) -> None:
        self._look_soon()

    def _look_soon(self) -> asyncio.Task[None] | None:
        """The look that is under way or now begins; None once we are closed."""
        if self._closed:
            return None
        if self._looking is None or self._looking.done():
            self._looking = self._loop.create_task(self._look(), name="look at the Cluster's map")
            # Those who did not wait for it learn nothing new from its error.
            self._looking.add_done_callback(lambda task: task.cancelled() or task.exception())
        return self._looking

    async def _look(self) -> None:
        await asyncio.sleep(self._looked_at + _LOOK_EVERY - self._loop.time())
        self._looked_at = self._loop.time()
        asked = sorted(self._links.values(), key=lambda link: link.is_down)
        for address in dict.fromkeys((*(link.address for link in asked), self._seed)):
            try:
                within = self._way.limits.connect
                (reply,) = await ask(address, self._way.access, ("CLUSTER", "SLOTS"), within=within)
            except (Unavailable, PermanentError, ResponseError) as error:
                failure = str(error)
                continue
            if reply:
                await self._adopt(list(primaries(reply, asked=address)))
                return
            failure = f"Redis at {address} knows no slots"
        raise Unavailable(f"No node of the Cluster tells where keys live; the last: {failure}")

    async def _adopt(self, found: list[tuple[range, Address]]) -> None:
        owners: list[Link | None] = [None] * SLOTS
        for slots, address in found:
            owners[slots.start : slots.stop] = [self._link(address)] * len(slots)
        self._owners = owners
        current = {address for _, address in found}
        left = [link for link in self._links.values() if link.address not in current]
        # One that still has calls goes at the next look.
        for link in left:
            if not link.in_flight:
                del self._links[link.address]
                await link.aclose()
