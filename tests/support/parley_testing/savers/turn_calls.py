"""What a turn of the service's default graph asks of Redis."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import parley_checkpoint
from parley_core.redis.client import RedisClient
from parley_core.redis.keys import Keys
from parley_core.redis.scripts import every_script
from parley_local.redis_server import RedisServer
from parley_testing.proxy import Pipe
from parley_testing.redis_proxy import Command, RedisProxy, name_of
from parley_testing.talk import Talk, Workers, edge_store, new_talk

_ASIDE = frozenset({"", "delta", "renew", "beat"})
"""What a worker asks besides: pieces of the answer, what it does each few seconds for all turns,
and plain commands, with which it connects and measures itself."""
_SWEEP = 4
"""Claims in one batch that are no answer to a wake any more."""


@dataclass(frozen=True, slots=True)
class TurnCalls:
    """Means of a turn; `scripts` by name. A round trip is a batch of calls that leaves as one."""

    round_trips: float
    scripts: dict[str, float]


class CountingProxy(RedisProxy):
    """Knows which scripts left together."""

    def __init__(self, target: int) -> None:
        super().__init__(target)
        self.batches: list[list[str]] = []
        scripts: tuple[Any, ...] = (*every_script(), *parley_checkpoint.every_script())
        self._names = {each.sha: each.name for each in scripts}

    def asked(self, pipe: Pipe, commands: list[Command]) -> None:  # noqa: ARG002  # the proxy's
        self.batches.append([self._names.get(name_of(each), "") for each in commands])


async def turn_calls(server: RedisServer, *, turns: int) -> TurnCalls:
    """Say `turns` things to one worker, one after the other."""
    async with CountingProxy(server.port) as proxy, _talking(server.url, proxy.port) as talk:
        await talk.answer("Hello!")
        proxy.batches.clear()
        for number in range(turns):
            await talk.answer(f"This is number {number}.")
        batches = [_wanted(batch) for batch in proxy.batches if batch.count("claim") < _SWEEP]
    scripts = Counter(name for batch in batches for name in batch)
    return TurnCalls(
        round_trips=sum(bool(batch) for batch in batches) / turns,
        scripts={name: count / turns for name, count in sorted(scripts.items())},
    )


def _wanted(batch: list[str]) -> list[str]:
    return [name for name in batch if name not in _ASIDE]


@asynccontextmanager
async def _talking(url: str, worker_port: int) -> AsyncIterator[Talk]:
    """A new session, and a worker whose calls go to `worker_port`."""
    keys = Keys("turn-calls")
    async with AsyncExitStack() as stack:
        client = RedisClient(url, name="bench")
        await client.start()
        stack.push_async_callback(client.aclose)
        store = edge_store(client, keys)
        talk = await stack.enter_async_context(new_talk(client, keys, store))
        env = {
            "REDIS_URL": f"redis://127.0.0.1:{worker_port}/0",
            "KEY_PREFIX": keys.prefix,
            "RESPONDER_PAUSES": "off",
        }
        await Workers(stack, env).start()
        yield talk
