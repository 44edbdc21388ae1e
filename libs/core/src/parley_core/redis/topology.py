"""What a Redis Cluster says about where keys live. Pure: replies in, addresses out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from redis.crc import REDIS_CLUSTER_HASH_SLOTS, key_slot

from parley_core.redis.refusals import ErrorReply
from parley_core.redis.wire import Address

SLOTS = REDIS_CLUSTER_HASH_SLOTS


@dataclass(frozen=True, slots=True)
class Redirect:
    """`MOVED slot host:port` (from now on) or `ASK slot host:port` (this call only)."""

    slot: int
    address: Address


def slot_of(key: str) -> int:
    slot: int = key_slot(key.encode())
    return slot


def redirect(reply: ErrorReply, *, asked: Address) -> Redirect:
    """Where MOVED or ASK points. A node that does not know its own name means `asked`'s host."""
    _, slot, address = reply.text.split(" ", 2)
    host, _, port = address.rpartition(":")
    return Redirect(int(slot), Address(host or asked.host, int(port)))


def primaries(reply: Sequence[Any], *, asked: Address) -> Iterator[tuple[range, Address]]:
    """The slots of each primary, from a reply of CLUSTER SLOTS."""
    for first, last, primary, *_ in reply:
        host = primary[0].decode() if primary[0] else ""
        known = host not in {"", "?"}
        yield range(first, last + 1), Address(host if known else asked.host, primary[1])
