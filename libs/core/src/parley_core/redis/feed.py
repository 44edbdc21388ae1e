"""Live messages: subscriptions that outlive their connections and tell what they may have missed.

Nothing here waits in a loop. A channel is waiting, asked for, or heard. Whatever ends a
subscription makes it waiting again. At the end of each tick the waiting channels are placed: on
the open connection of their node; or parked until a task has made one, or learned where they live.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace

import structlog

from parley_core.domain.errors import PermanentError, Unavailable
from parley_core.ports import LiveFeed
from parley_core.redis.client import RedisClient
from parley_core.redis.ear import Ear, Hooks, is_sharded
from parley_core.redis.refusals import ErrorReply
from parley_core.redis.wire import Address, open_wire

_CONFIRMED_WITHIN = 4.0
"""Seconds that `subscribe` waits: one connect and one round trip at their limits."""
_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 1.0
"""Seconds between tries to connect; noticing and healing must fit into 5."""

_log = structlog.get_logger(__name__)


@dataclass(slots=True, eq=False)
class Subscription:
    """One channel that somebody wants."""

    name: str
    raw: bytes
    ear: Ear | None = None
    """The connection that it was asked for on; None while it waits for one."""
    missed: bool = False
    """It was confirmed, its connection went, and it is not yet confirmed again."""
    callers: int = 0
    """How many `subscribe` calls wait."""
    confirmed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_heard(self) -> bool:
        return self.confirmed.is_set()


class RedisFeed(LiveFeed):
    """`LiveFeed` on one pub/sub connection a node, probed each second.

    A dead or silent connection is noticed within 4 s. While Redis itself is away `deaf_for` grows
    all the same: whoever judges by it asks as well whether commands are answered.
    """

    def __init__(self, client: RedisClient, *, name: str) -> None:
        """`client` is to be started before the first `subscribe`; `name` is for CLIENT LIST."""
        self._client = client
        self._access = replace(client.way.access, name=name)
        self._hooks = Hooks(self._heard, self._joined, self._dropped, self._broken)
        self._on_message: Callable[[str, bytes], None] = lambda _channel, _payload: None
        self._on_gap: Callable[[frozenset[str]], None] = lambda _channels: None
        self._ears: dict[Address, Ear] = {}
        self._failures: dict[Address, int] = {}
        self._subscriptions: dict[bytes, Subscription] = {}
        self._waiting: dict[bytes, Subscription] = {}
        self._parked: dict[Address | None, dict[bytes, Subscription]] = {}
        self._tasks: dict[Address | None, asyncio.Task[None]] = {}
        self._leaving: dict[Ear, list[bytes]] = {}
        self._missing: set[bytes] = set()
        self._regained: set[str] = set()
        self._deaf_since: float | None = None
        self._placing: asyncio.Handle | None = None

    def listen(
        self,
        *,
        on_message: Callable[[str, bytes], None],
        on_gap: Callable[[frozenset[str]], None],
    ) -> None:
        self._on_message = on_message
        self._on_gap = on_gap

    async def start(self) -> None:
        """Connections are made when channels need them."""
        self._loop = asyncio.get_running_loop()

    async def aclose(self) -> None:
        """Nothing is called back afterwards."""
        for subscription in list(self._subscriptions.values()):
            self._forget(subscription)
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._placing is not None:
            self._placing.cancel()
        for ear in self._ears.values():
            ear.close()
        self._ears.clear()

    async def subscribe(self, channel: str) -> None:
        """Raises `Unavailable` if Redis does not confirm in time; then the channel is left."""
        raw = channel.encode()
        subscription = self._subscriptions.get(raw)
        if subscription is None:
            subscription = self._subscriptions[raw] = Subscription(channel, raw)
            self._wait(subscription)
        subscription.callers += 1
        try:
            async with asyncio.timeout(_CONFIRMED_WITHIN):
                await subscription.confirmed.wait()
        except TimeoutError:
            raise Unavailable(f"Redis did not confirm {channel} in time") from None
        finally:
            subscription.callers -= 1
            if not (subscription.callers or subscription.missed or subscription.is_heard):
                self._forget(subscription)

    async def unsubscribe(self, channel: str) -> None:
        """Nothing of the channel is called back from now on."""
        subscription = self._subscriptions.get(channel.encode())
        if subscription is not None:
            self._forget(subscription)

    def deaf_for(self) -> float:
        """Counts on from the first unanswered probe until every lost channel is back."""
        moments = [self._deaf_since, *(ear.unheard_since for ear in self._ears.values())]
        known = [moment for moment in moments if moment is not None]
        return self._loop.time() - min(known) if known else 0.0

    # Placing: what is waiting finds its connection.

    def _wait(self, subscription: Subscription) -> None:
        subscription.ear = None
        self._waiting[subscription.raw] = subscription
        self._place_soon()

    def _place_soon(self) -> None:
        if self._placing is None:
            self._placing = self._loop.call_soon(self._place)

    def _place(self) -> None:
        self._placing = None
        for ear, channels in self._leaving.items():
            ear.leave(channels)
        self._leaving.clear()
        for address, group in self._by_home().items():
            if address is None or address not in self._ears:
                self._park(address, group)
            else:
                self._join(self._ears[address], group)

    def _join(self, ear: Ear, group: dict[bytes, Subscription]) -> None:
        for subscription in group.values():
            subscription.ear = ear
        ear.join(group)

    def _by_home(self) -> dict[Address | None, dict[bytes, Subscription]]:
        """What waits, by its node; None for a slot that has none now. Nothing waits afterwards."""
        groups: dict[Address | None, dict[bytes, Subscription]] = {}
        for raw, subscription in self._waiting.items():
            groups.setdefault(self._home(subscription), {})[raw] = subscription
        self._waiting.clear()
        return groups

    def _home(self, subscription: Subscription) -> Address | None:
        try:
            return self._client.nodes.home(
                subscription.name if is_sharded(subscription.raw) else None
            )
        except Unavailable:
            return None

    def _park(self, address: Address | None, group: dict[bytes, Subscription]) -> None:
        self._parked.setdefault(address, {}).update(group)
        if address not in self._tasks:
            coming = self._look() if address is None else self._open(address)
            self._tasks[address] = self._loop.create_task(coming, name=f"feed to {address}")

    def _unpark(self, address: Address | None) -> None:
        del self._tasks[address]
        self._waiting.update(self._parked.pop(address, {}))
        self._place_soon()

    async def _open(self, address: Address) -> None:
        failures = self._failures.get(address, 0)
        await asyncio.sleep(_pause(failures))
        try:
            wire = await open_wire(address, self._access, within=self._client.way.limits.connect)
        except (Unavailable, PermanentError) as error:
            if not failures:
                _log.warning("feed_cannot_connect", error=str(error))
            self._failures[address] = failures + 1
            with suppress(Unavailable):
                await self._client.nodes.look_again()
        else:
            self._failures.pop(address, None)
            self._ears[address] = Ear(wire, address, self._hooks, sharded=self._client.cluster)
        self._unpark(address)

    async def _look(self) -> None:
        await asyncio.sleep(_pause(1))
        with suppress(Unavailable):
            await self._client.nodes.look_again()
        self._unpark(None)

    def _forget(self, subscription: Subscription) -> None:
        raw = subscription.raw
        if self._subscriptions.get(raw) is not subscription:
            return
        del self._subscriptions[raw]
        for group in (self._waiting, *self._parked.values()):
            group.pop(raw, None)
        self._found(raw)
        self._regained.discard(subscription.name)
        if subscription.ear is not None:
            self._leaving.setdefault(subscription.ear, []).append(raw)
            self._place_soon()

    # What the ears tell.

    def _heard(self, raw: bytes, payload: bytes) -> None:
        """Supervisor of `on_message`: a fault in it is a gap of one channel, not of all."""
        subscription = self._subscriptions.get(raw)
        if subscription is None:
            return
        try:
            self._on_message(subscription.name, payload)
        except Exception:  # noqa: BLE001 - see above
            _log.exception("message_not_handled", channel=subscription.name)
            self._tell_gap_soon(subscription.name)

    def _joined(self, raw: bytes) -> None:
        subscription = self._subscriptions.get(raw)
        if subscription is None:
            return
        subscription.confirmed.set()
        if subscription.missed:
            subscription.missed = False
            self._found(raw)
            self._tell_gap_soon(subscription.name)

    def _dropped(self, ear: Ear, channels: Iterable[bytes], reply: ErrorReply | None) -> None:
        """Where they live now must be learned first."""
        if reply is not None:
            _log.warning("subscription_refused", reply=reply.text)
            self._client.nodes.learn_from(reply, asked=ear.address)
        self._park(None, self._lost(ear, channels))

    def _broken(self, ear: Ear, reason: str) -> None:
        _log.warning("feed_lost", node=str(ear.address), reason=reason, channels=len(ear.channels))
        del self._ears[ear.address]
        self._leaving.pop(ear, None)
        self._waiting.update(self._lost(ear, ear.channels))
        self._place_soon()

    def _lost(self, ear: Ear, channels: Iterable[bytes]) -> dict[bytes, Subscription]:
        """The subscriptions that are to be placed anew; heard ones have missed something."""
        lost = {
            raw: subscription
            for raw in channels
            if (subscription := self._subscriptions.get(raw)) and subscription.ear is ear
        }
        for raw, subscription in lost.items():
            subscription.ear = None
            if subscription.is_heard:
                subscription.confirmed.clear()
                subscription.missed = True
                self._missing.add(raw)
        if self._missing and self._deaf_since is None:
            self._deaf_since = ear.unheard_since or self._loop.time()
        return lost

    def _found(self, raw: bytes) -> None:
        """This channel is not missing any more: back, or not wanted."""
        self._missing.discard(raw)
        if not self._missing:
            self._deaf_since = None

    def _tell_gap_soon(self, channel: str) -> None:
        if not self._regained:
            self._loop.call_soon(self._tell_gap)
        self._regained.add(channel)

    def _tell_gap(self) -> None:
        regained = frozenset(self._regained)
        self._regained.clear()
        if regained:
            self._on_gap(regained)


def _pause(failures: int) -> float:
    return min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** min(failures - 1, 16)) if failures else 0.0
