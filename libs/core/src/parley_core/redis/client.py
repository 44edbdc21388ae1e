"""Redis as the adapters use it, one server or a Cluster alike."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Iterable, Sequence
from typing import Any

from parley_core.domain.errors import PermanentError
from parley_core.redis.link import LIMITS, Call, Limits, Link, LuaScript, new_call, new_script_call
from parley_core.redis.refusals import ErrorReply, judged
from parley_core.redis.scripts import every_script
from parley_core.redis.wire import Argument, pack, parse_url

OLDEST = (6, 2, 0)


class RedisClient:
    """Commands and scripts, with the calls of one tick in one pipeline per node.

    Nothing is repeated that may have been executed. A call raises `Unavailable` when it may or may
    not have been, and `redis.exceptions.ResponseError` when it is wrong. Belongs to the event loop
    that `start` ran on.
    """

    version: tuple[int, int, int]
    cluster: bool
    publish_verb: str

    def __init__(
        self,
        url: str,
        *,
        name: str,
        scripts: Iterable[LuaScript] | None = None,
        limits: Limits = LIMITS,
    ) -> None:
        self.address, self.access = parse_url(url, name=name)
        self.limits = limits
        self._preload = [
            pack("SCRIPT", "LOAD", script.source)
            for script in (every_script() if scripts is None else scripts)
        ]

    async def start(self) -> None:
        """Connect and learn what the server is. Raises `Unavailable`, `PermanentError`."""
        self._loop = asyncio.get_running_loop()
        self._link = Link(
            self.address,
            self.access,
            refused=self._refused,
            preload=self._preload,
            limits=self.limits,
        )
        await self._link.open()
        info = _parse_info(await self.command("INFO", "server"))
        self.version = _version(info["redis_version"])
        if self.version < OLDEST:
            raise PermanentError(
                f"Redis {info['redis_version']} is too old: 6.2 or newer is needed, or Valkey 7.2"
            )
        self.cluster = False
        self.publish_verb = "SPUBLISH" if self.cluster else "PUBLISH"

    async def aclose(self) -> None:
        await self._link.aclose()

    @property
    def is_up(self) -> bool:
        return self._link.is_up

    def command(self, *args: Argument, key: str | None = None) -> Awaitable[Any]:
        """`key` says which node of a Cluster; without it any primary answers."""
        call = new_call(self._loop, pack(*args))
        self._link.send(call)
        return call

    def script(
        self, script: LuaScript, keys: Sequence[str], args: Sequence[Argument]
    ) -> Awaitable[Any]:
        """Goes where the first of `keys` lives."""
        call = new_script_call(self._loop, script, (len(keys), *keys, *args))
        self._link.send(call)
        return call

    def _refused(self, link: Link, call: Call, reply: ErrorReply) -> None:
        call.fail(judged(reply, node=link.address))
        if reply.code == "READONLY":
            link.drop("became a replica")


def _parse_info(reply: bytes) -> dict[str, str]:
    lines = reply.decode().splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)


def _version(text: str) -> tuple[int, int, int]:
    major, minor, patch = (int(part) for part in re.findall(r"\d+", text + ".0.0")[:3])
    return major, minor, patch
