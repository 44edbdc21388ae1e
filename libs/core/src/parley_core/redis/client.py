"""Redis as the adapters use it, one server or a Cluster alike."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Iterable, Sequence
from typing import Any

from parley_core.domain.errors import PermanentError
from parley_core.redis.blocking import BlockingLinks
from parley_core.redis.call import LuaScript, new_call, new_script_call
from parley_core.redis.cluster import Cluster
from parley_core.redis.link import LIMITS, Limits, Way
from parley_core.redis.nodes import Nodes, OneServer
from parley_core.redis.scripts import every_script
from parley_core.redis.sentinel import parse_place
from parley_core.redis.wire import Address, Argument, ask, pack

Version = tuple[int, int, int]

OLDEST: Version = (6, 2, 0)
OLDEST_CLUSTER: Version = (7, 0, 0)
"""Sharded pub/sub came with it."""

_SHARED = 4
"""Connections to one server besides those of blocking calls: one for calls and one for the feed,
and as many again for a worker's leases."""


class RedisClient:
    """Commands and scripts, with the calls of one tick in one pipeline per node.

    A call raises `Unavailable` when it may or may not have been executed, and
    `redis.exceptions.ResponseError` when it is wrong; nothing is repeated that may have been
    executed. The client belongs to the event loop that `start` ran on.
    """

    version: Version
    cluster: bool
    publish_verb: str

    def __init__(
        self,
        url: str,
        *,
        name: str,
        scripts: Iterable[LuaScript] | None = None,
        limits: Limits = LIMITS,
        connections: int = 20,
    ) -> None:
        """`name` is shown by CLIENT LIST; `scripts` are loaded ahead, by default all of core's.

        `connections` of the process at most: those that all calls and the feed share, and the ones
        that blocking calls have to themselves.

        Raises `PermanentError` if the URL is not one of Redis.
        """
        self._place, access = parse_place(url, name=name)
        loaded = every_script() if scripts is None else scripts
        preload = tuple(pack("SCRIPT", "LOAD", script.source) for script in loaded)
        self.way = Way(access, preload, limits)
        self._nodes: Nodes | None = None
        self._most_blocking = max(1, connections - _SHARED)

    async def start(self) -> None:
        """Learn what the server is, and connect. Raises `Unavailable`, `PermanentError`."""
        self._loop = asyncio.get_running_loop()
        address = await self._locate()
        replies = await ask(
            address,
            self.way.access,
            ("INFO", "server"),
            ("INFO", "cluster"),
            within=self.way.limits.connect,
        )
        info = _parse_info(b"".join(replies))
        self.cluster = info.get("cluster_enabled") == "1"
        self.version = _supported(info.get("redis_version", ""), cluster=self.cluster)
        self.publish_verb = "SPUBLISH" if self.cluster else "PUBLISH"
        await self._connect(address)

    async def aclose(self) -> None:
        """What is unanswered fails with `Unavailable`. Harmless if it was not started."""
        if self._nodes is not None:
            await self._blocking.aclose()
            await self._nodes.aclose()

    @property
    def is_up(self) -> bool:
        """Whether Redis answered last; false once a connection broke, until the next call."""
        return self._nodes is not None and self._nodes.is_up

    @property
    def nodes(self) -> Nodes:
        """Where keys and channels live."""
        if self._nodes is None:
            raise RuntimeError("start the client before it is used")
        return self._nodes

    def command(self, *args: Argument, key: str | None = None) -> Awaitable[Any]:
        """`key` says which node of a Cluster; without it any primary answers."""
        call = new_call(self._loop, pack(*args), key=key)
        self.nodes.send(call)
        return call

    def script(
        self, script: LuaScript, keys: Sequence[str], args: Sequence[Argument]
    ) -> Awaitable[Any]:
        """Goes where the first of `keys` lives."""
        tail = (len(keys), *keys, *args)
        call = new_script_call(self._loop, script, tail, key=keys[0])
        self.nodes.send(call)
        return call

    async def blocking(self, *args: Argument, key: str, timeout: float) -> Any:
        """A command that waits inside Redis, for `timeout` seconds at most, on its own connection.

        On a Cluster a key that moved is `Unavailable` once; a repeat goes to its new node.
        """
        return await self._blocking.run(new_call(self._loop, pack(*args), key=key), timeout=timeout)

    async def _locate(self) -> Address:
        return await self._place.address(within=self.way.limits.connect)

    async def _connect(self, address: Address) -> None:
        nodes: Nodes = (
            Cluster(address, self.way)
            if self.cluster
            else OneServer(address, self.way, locate=self._locate)
        )
        self._nodes = nodes
        self._blocking = BlockingLinks(nodes, self.way, most=self._most_blocking)
        await nodes.start()


def _parse_info(reply: bytes) -> dict[str, str]:
    lines = reply.decode().splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)


def _supported(text: str, *, cluster: bool) -> Version:
    """Raises `PermanentError`."""
    parts = re.match(r"(\d+)\.(\d+)\.(\d+)", text)
    if parts is None:
        raise PermanentError(f"The server at REDIS_URL tells no version of Redis: {text!r}")
    version = (int(parts[1]), int(parts[2]), int(parts[3]))
    if version < OLDEST:
        raise PermanentError(f"Redis 6.2 or newer is needed, or Valkey 7.2; this is {text}")
    if cluster and version < OLDEST_CLUSTER:
        raise PermanentError(f"A Cluster needs Redis 7 or newer; this one is {text}")
    return version
