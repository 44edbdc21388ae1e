"""Redis as the edge uses it, opened at the start and closed at the end."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from parley_core.domain.backoff import backoff
from parley_core.domain.errors import PermanentError, Unavailable
from parley_core.domain.ids import ProcessId
from parley_core.redis.announcements import RedisAnnouncements
from parley_core.redis.client import RedisClient
from parley_core.redis.connections import RedisConnections
from parley_core.redis.conversations import RedisConversations
from parley_core.redis.feed import RedisFeed
from parley_core.redis.installation import join_installation
from parley_core.redis.keys import Keys
from parley_core.redis.memberships import RedisMemberships
from parley_core.redis.processes import RedisProcesses
from parley_edge.settings import EdgeSettings

_START_WITHIN = 15.0
"""Seconds that Redis has to answer at the start; afterwards it may be away for any time."""


@dataclass(frozen=True, slots=True)
class Stores:
    """Redis as the edge sees it."""

    client: RedisClient
    feed: RedisFeed
    conversations: RedisConversations
    memberships: RedisMemberships
    connections: RedisConnections
    announcements: RedisAnnouncements
    processes: RedisProcesses


def new_id() -> str:
    """Nobody can guess it, and nobody has had it."""
    return secrets.token_hex(12)


@asynccontextmanager
async def open_stores(settings: EdgeSettings, *, process: ProcessId) -> AsyncIterator[Stores]:
    """Raises `PermanentError` if Redis does not answer within `_START_WITHIN`, or is too old."""
    keys = Keys(settings.key_prefix)
    client = RedisClient(
        settings.redis_location(),
        name=f"parley-{process}",
        connections=settings.redis_max_connections,
    )
    feed = RedisFeed(client, name=f"parley-{process}-feed")
    await _start_patiently(client, keys)
    try:
        await feed.start()
        yield Stores(
            client=client,
            feed=feed,
            conversations=RedisConversations(
                client,
                keys,
                process=process,
                nonce=new_id,
                rate_text=settings.rate_text,
                burst=settings.rate_text_burst,
                kept=settings.max_messages_per_session,
                max_sessions=settings.max_sessions_per_user,
            ),
            memberships=RedisMemberships(client, keys),
            connections=RedisConnections(client, keys, process=process),
            announcements=RedisAnnouncements(client, keys, kept=settings.max_messages_per_session),
            processes=RedisProcesses(client, keys),
        )
    finally:
        await feed.aclose()
        await client.aclose()


async def _start_patiently(client: RedisClient, keys: Keys) -> None:
    failures = 0
    deadline = time.monotonic() + _START_WITHIN
    while True:
        try:
            await client.start()
            return await join_installation(client, keys)
        except Unavailable as error:
            failures += 1
            if time.monotonic() > deadline:
                raise PermanentError(
                    f"Redis did not answer for {_START_WITHIN:.0f} s: {error}"
                ) from error
            await asyncio.sleep(min(1.0, backoff(failures, roll=1.0)))
