"""What a fault hits: the sessions that a process has in hand at that moment."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from parley_core.domain.ids import ProcessId, SessionId
from parley_core.redis.client import RedisClient
from parley_core.redis.keys import Keys


@dataclass(frozen=True, slots=True)
class Hit:
    """A session whose turn was running. `offset`: code points of the answer that were out.

    `leases` is the key that has the session's `token`.
    """

    session: SessionId
    turn: str
    offset: int
    leases: str
    token: str


async def sessions_of(process: ProcessId, client: RedisClient, keys: Keys) -> list[Hit]:
    """The sessions that `process` runs a turn of."""
    names = [partition.leases for partition in keys.partitions()]
    replies = await asyncio.gather(*(client.command("HGETALL", name, key=name) for name in names))
    hits = []
    for name, reply in zip(names, replies, strict=True):
        for field, token in zip(reply[::2], reply[1::2], strict=True):
            if f":{process}:".encode() in token:
                hits.append(
                    await _hit(SessionId(field.decode()), name, token.decode(), client, keys)
                )
    return [hit for hit in hits if hit is not None]


async def _hit(
    session: SessionId, leases: str, token: str, client: RedisClient, keys: Keys
) -> Hit | None:
    meta = keys.session(session).meta
    turn, offset = await client.command("HMGET", meta, "turn", "offset", key=meta)
    return Hit(session, turn.decode(), int(offset or 0), leases, token) if turn else None


async def taken_over(hit: Hit, dead: ProcessId, client: RedisClient, keys: Keys) -> bool:
    """Whether another process runs the session's turn, or has ended it."""
    meta = keys.session(hit.session).meta
    token, turn = await asyncio.gather(
        client.command("HGET", hit.leases, hit.session, key=hit.leases),
        client.command("HGET", meta, "turn", key=meta),
    )
    if turn is None or turn.decode() != hit.turn:
        return True
    return token is not None and f":{dead}:".encode() not in token
