"""Servers that a test may stop, freeze and break because they are its own, and slots that move."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from parley_core.redis.client import RedisClient
from parley_core.redis.topology import primaries, slot_of
from parley_core.redis.wire import Access, Address, Argument, ask
from parley_local.redis_server import RedisProgram, RedisServer, find
from parley_testing.ports import free_port
from parley_testing.servers import Servers

NewServer = Callable[..., Awaitable[RedisServer]]


@pytest.fixture
async def new_server(tmp_path: Path) -> AsyncIterator[NewServer]:
    """`await new_server(*options, program=...)` starts one; all are stopped after the test."""
    servers: list[RedisServer] = []

    async def start(*options: str, program: RedisProgram | None = None) -> RedisServer:
        port = free_port()
        server = RedisServer(
            program or find(),
            port=port,
            folder=tmp_path / str(port),
            options=("--save", "", "--appendonly", "no", *options),
        )
        servers.append(server)
        server.start()
        await server.wait_ready()
        return server

    yield start
    for server in servers:
        server.stop()


@pytest.fixture(scope="session")
def cluster_url(redis_servers: Servers) -> str:
    """The run's Cluster. Missing it is a failure: the rules of the store are shown on it."""
    return redis_servers.url("cluster")


@pytest.fixture
async def cluster_client(cluster_url: str) -> AsyncIterator[RedisClient]:
    """A started client of the run's Cluster."""
    client = RedisClient(cluster_url, name="test")
    await client.start()
    if not client.cluster:
        await client.aclose()
        pytest.skip("the server under test is no Cluster")
    yield client
    await client.aclose()


@dataclass
class Migration:
    """One slot on its way from its node to another, step by step, as a resharding does it."""

    slot: int
    source: Address
    target: Address
    nodes: tuple[Address, ...]
    access: Access
    ids: dict[Address, bytes] = field(default_factory=dict)

    async def at(self, node: Address, *command: Argument) -> Any:
        """The reply of one node."""
        (reply,) = await ask(node, self.access, command, within=5)
        return reply

    async def begin(self) -> None:
        """From now on: ASK for keys that are not at the source."""
        for node in self.nodes:
            self.ids[node] = await self.at(node, "CLUSTER", "MYID")
        for node, state, peer in (
            (self.target, "IMPORTING", self.source),
            (self.source, "MIGRATING", self.target),
        ):
            await self.at(node, "CLUSTER", "SETSLOT", self.slot, state, self.ids[peer])

    async def carry(self, *keys: str) -> None:
        """Move these keys."""
        to = (self.target.host, self.target.port)
        await self.at(self.source, "MIGRATE", *to, "", 0, 5000, "KEYS", *keys)

    async def finish(self) -> None:
        """From now on: MOVED."""
        while keys := await self.at(self.source, "CLUSTER", "GETKEYSINSLOT", self.slot, 1000):
            await self.carry(*(key.decode() for key in keys))
        others = [node for node in self.nodes if node not in {self.source, self.target}]
        async with asyncio.timeout(10):
            # Gossip from before the move may win once more at a node that was told already.
            while not await self._is_known():
                for node in (self.target, self.source, *others):
                    owner = self.ids[self.target]
                    await self.at(node, "CLUSTER", "SETSLOT", self.slot, "NODE", owner)

    async def _is_known(self) -> bool:
        """Whether every node says that the slot is the target's."""
        for node in self.nodes:
            slots = await self.at(node, "CLUSTER", "SLOTS")
            owners = [owner for of, owner in primaries(slots, asked=node) if self.slot in of]
            if owners != [self.target]:
                return False
        return True


NewMigration = Callable[[str], Awaitable[Migration]]


@pytest.fixture
async def migration(cluster_client: RedisClient) -> AsyncIterator[NewMigration]:
    """`await migration(key)` prepares to move the key's slot; afterwards it is brought back."""
    home = cluster_client.nodes.home("any")
    begun: list[Migration] = []

    async def prepare(key: str) -> Migration:
        access = cluster_client.way.access
        (slots,) = await ask(home, access, ("CLUSTER", "SLOTS"), within=5)
        nodes = tuple(dict.fromkeys(node for _, node in primaries(slots, asked=home)))
        source = cluster_client.nodes.home(key)
        target = next(node for node in nodes if node != source)
        begun.append(Migration(slot_of(key), source, target, nodes, access))
        return begun[-1]

    yield prepare
    for there in begun:
        if not there.ids:
            continue
        await there.finish()
        back = Migration(there.slot, there.target, there.source, there.nodes, there.access)
        await back.begin()
        await back.finish()
