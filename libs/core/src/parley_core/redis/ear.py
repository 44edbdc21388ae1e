"""One pub/sub connection to one node: subscriptions, messages, and a probe that tells silence.

The connection speaks RESP2, where messages, confirmations, pongs and errors come in one order.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from redis.crc import key_slot

from parley_core.redis.refusals import ErrorReply
from parley_core.redis.wire import Address, Wire, pack

PROBE_EVERY = 1.0
"""Seconds between two probes."""
SILENT_PROBES = 3
"""So many probe intervals without a byte, and the connection is dead: 3 to 4 s of silence."""
_PING = pack("PING")
_MESSAGES = frozenset({b"message", b"smessage"})
_JOINED = frozenset({b"subscribe", b"ssubscribe"})
_LEFT = frozenset({b"unsubscribe", b"sunsubscribe"})


@dataclass(frozen=True, slots=True)
class Hooks:
    """What an ear tells; channels are as Redis names them."""

    message: Callable[[bytes, bytes], None]
    joined: Callable[[bytes], None]
    dropped: Callable[[Ear, Iterable[bytes], ErrorReply | None], None]
    """The node ended or refused these subscriptions; the others live."""
    broken: Callable[[Ear, str], None]
    """The connection is gone, and all its subscriptions with it."""


@dataclass(frozen=True, slots=True)
class Order:
    """A command that the node has not confirmed for all of its channels."""

    joining: bool
    channels: set[bytes]


class Ear:
    """Takes an open `wire` over. `channels` are those asked for and not yet given back."""

    def __init__(self, wire: Wire, address: Address, hooks: Hooks, *, sharded: bool) -> None:
        self.address = address
        self.channels: set[bytes] = set()
        self._wire = wire
        self._hooks = hooks
        self._sharded = sharded
        self._orders: deque[Order] = deque()
        self._loop = asyncio.get_running_loop()
        self._asked_at: float | None = None
        self._received = wire.received
        self._silent = 0
        wire.on_reply, wire.on_lost = self._take, self._break
        self._probing = self._loop.call_later(PROBE_EVERY, self._probe)

    def join(self, channels: Iterable[bytes]) -> None:
        self._order(channels, joining=True)

    def leave(self, channels: Iterable[bytes]) -> None:
        self._order(channels, joining=False)

    def close(self) -> None:
        """No hook is called any more."""
        self._probing.cancel()
        self._wire.close()

    @property
    def unheard_since(self) -> float | None:
        """When the probe was sent that is not answered yet, on the loop's clock."""
        return self._asked_at

    def _order(self, channels: Iterable[bytes], *, joining: bool) -> None:
        """One command for all channels that may share one, and one write."""
        commands = []
        for verb, group in self._grouped(channels):
            (self.channels.update if joining else self.channels.difference_update)(group)
            self._orders.append(Order(joining, set(group)))
            commands.append(pack(verb + ("SUBSCRIBE" if joining else "UNSUBSCRIBE"), *group))
        self._wire.write(b"".join(commands))

    def _grouped(self, channels: Iterable[bytes]) -> Iterable[tuple[str, list[bytes]]]:
        """A Cluster refuses a command for sharded channels of two slots."""
        groups: dict[int, list[bytes]] = {}
        for channel in channels:
            slot = key_slot(channel) if self._sharded and is_sharded(channel) else -1
            groups.setdefault(slot, []).append(channel)
        return (("" if slot < 0 else "S", group) for slot, group in groups.items())

    def _take(self, reply: Any) -> None:
        if type(reply) is list:
            kind = reply[0]
            if kind in _MESSAGES:
                self._hooks.message(reply[1], reply[2])
            elif kind in _JOINED:
                self._confirmed(reply[1])
            elif kind in _LEFT:
                self._left(reply[1])
            else:
                self._asked_at = None
        elif isinstance(reply, ErrorReply):
            self._refused(reply)
        else:
            self._asked_at = None

    def _confirmed(self, channel: bytes) -> None:
        self._answered(channel)
        # Left and joined again meanwhile: only the last word counts.
        if not any(channel in order.channels for order in self._orders):
            self._hooks.joined(channel)

    def _answered(self, channel: bytes) -> bool:
        """Strike the channel off the oldest order; whether it was on it."""
        if not self._orders or channel not in self._orders[0].channels:
            return False
        self._orders[0].channels.discard(channel)
        if not self._orders[0].channels:
            self._orders.popleft()
        return True

    def _left(self, channel: bytes) -> None:
        """Ours, or the node's own: it gives a slot away and tells its subscribers."""
        ours = self._orders and not self._orders[0].joining and self._answered(channel)
        if not ours and channel in self.channels:
            self.channels.discard(channel)
            self._hooks.dropped(self, [channel], None)

    def _refused(self, reply: ErrorReply) -> None:
        """An error stands for a whole command; to leave what is not there is no loss."""
        if not self._orders:
            return
        order = self._orders.popleft()
        if order.joining:
            lost = order.channels & self.channels
            self.channels -= lost
            self._hooks.dropped(self, lost, reply)

    def _probe(self) -> None:
        """Count silent intervals, not seconds: after a blocked event loop the bytes are there."""
        self._silent = self._silent + 1 if self._wire.received == self._received else 0
        self._received = self._wire.received
        if self._silent >= SILENT_PROBES:
            self._break(f"was silent for {SILENT_PROBES * PROBE_EVERY:g} s")
            return
        if self._asked_at is None:
            self._asked_at = self._loop.time()
            self._wire.write(_PING)
        self._probing = self._loop.call_later(PROBE_EVERY, self._probe)

    def _break(self, reason: str) -> None:
        self.close()
        self._hooks.broken(self, reason)


def is_sharded(channel: bytes) -> bool:
    """Channels with a hash tag are sharded on a Cluster; those without reach every node."""
    return b"{" in channel
