"""What the presence service decides with, on Redis."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence

from parley_core.domain.events import Whereabouts
from parley_core.domain.ids import UserId
from parley_core.redis.client import RedisClient
from parley_core.redis.clock import redis_time
from parley_core.redis.keys import Keys
from parley_core.redis.scripts import script
from parley_core.redis.whereabouts import leaving_key, whereabouts, whereabouts_keys

_DUE = 100
"""Users of one partition that one look returns; the others come with the next."""


class RedisPresenceBoard:
    """Implements `ports.PresenceBoard`."""

    def __init__(self, client: RedisClient, keys: Keys) -> None:
        self._client = client
        self._keys = keys

    async def due(self) -> tuple[UserId, ...]:
        now = await redis_time(self._client)
        replies = await asyncio.gather(
            *(
                self._client.command(
                    "ZRANGEBYSCORE", names.leaving, "-inf", now, "LIMIT", 0, _DUE, key=names.leaving
                )
                for names in self._keys.partitions()
            )
        )
        return tuple(UserId(user.decode()) for users in replies for user in users)

    async def offline(self, users: Sequence[UserId]) -> tuple[UserId, ...]:
        by_leaving: dict[str, list[UserId]] = defaultdict(list)
        for user in users:
            by_leaving[leaving_key(self._keys, user)].append(user)
        replies = await asyncio.gather(
            *(
                self._client.script(
                    script("offline"), [leaving, *map(self._keys.online, group)], group
                )
                for leaving, group in by_leaving.items()
            )
        )
        return tuple(UserId(user.decode()) for gone in replies for user in gone)

    async def announce(self, user: UserId) -> Whereabouts | None:
        reply = await self._client.script(
            script("announce"),
            whereabouts_keys(self._keys, user),
            [user, self._client.publish_verb, self._keys.watch(user)],
        )
        return None if reply is None else whereabouts(user, reply)
