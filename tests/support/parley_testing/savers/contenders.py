"""The savers that are compared, each on a server of its own that nobody else uses."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver

import parley_checkpoint
from parley_checkpoint import AsyncRedisCheckpointer, Retention
from parley_core.redis.client import RedisClient
from parley_local.redis_server import RedisServer

Saver = BaseCheckpointSaver[Any]
KEPT = 100
"""Checkpoints of a conversation in the rows that let go of older ones."""
MEMORY = "InMemorySaver"
PUBLISHED = "langgraph-checkpoint-redis"
PARLEY = "parley"
PARLEY_KEPT = f"parley, {KEPT} kept"
PARLEY_SERVICE = f"parley, {KEPT} kept, in the service"


@dataclass(frozen=True, slots=True)
class Contender:
    """A saver, opened anew for each run.

    `server` is None for the one that has none. `exact`: whatever it keeps must be right.
    """

    name: str
    open: Callable[[], AbstractAsyncContextManager[Saver]]
    server: RedisServer | None = None
    exact: bool = True

    @property
    def url(self) -> str | None:
        """Of its server."""
        return None if self.server is None else self.server.url


def memory() -> Contender:
    """LangGraph's own, in this process's memory."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Saver]:
        yield InMemorySaver()

    return Contender(MEMORY, opened)


def published(server: RedisServer) -> Contender:
    """The saver on PyPI, on a running Redis Stack."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Saver]:
        # Its package is there for these comparisons only.
        module = import_module("langgraph.checkpoint.redis.aio")
        async with module.AsyncRedisSaver.from_conn_string(server.url) as saver:
            yield saver

    return Contender(PUBLISHED, opened, server, exact=False)


def parleys(server: RedisServer) -> list[Contender]:
    """Ours: keeping everything, keeping the newest, and over the client that the services use."""
    url = server.url

    @asynccontextmanager
    async def in_the_service() -> AsyncIterator[Saver]:
        client = RedisClient(url, name="bench", scripts=parley_checkpoint.every_script())
        await client.start()
        try:
            yield AsyncRedisCheckpointer(client, retention=Retention(max_checkpoints=KEPT))
        finally:
            await client.aclose()

    return [
        Contender(PARLEY, lambda: _ours(url, Retention()), server),
        Contender(PARLEY_KEPT, lambda: _ours(url, Retention(max_checkpoints=KEPT)), server),
        Contender(PARLEY_SERVICE, in_the_service, server),
    ]


@asynccontextmanager
async def _ours(url: str, retention: Retention) -> AsyncIterator[Saver]:
    async with AsyncRedisCheckpointer.from_conn_string(url, retention=retention) as saver:
        yield saver
