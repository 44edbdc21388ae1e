"""Calls of presence and processes whose reply was cut off, and which are then repeated."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from parley_core.domain.errors import Unavailable
from parley_core.domain.events import ProcessInfo
from parley_core.domain.ids import ConnectionId, DeviceId, Partition, ProcessId, UserId
from parley_core.redis.client import RedisClient
from parley_core.redis.connections import RedisConnections
from parley_core.redis.keys import Keys
from parley_core.redis.presence import RedisPresenceBoard
from parley_core.redis.processes import RedisProcesses
from parley_core.redis.scripts import script
from parley_core.redis.work import RedisWork
from parley_testing.ageing import let_pass
from parley_testing.redis_proxy import RedisProxy, name_of

ANN, PHONE, ONE, EDGE = UserId("ann"), DeviceId("phone"), ConnectionId("c1"), ProcessId("edge/1")
INFO = ProcessInfo(kind="edge", started=1.0)


@dataclass
class Store:
    """The adapters of one process, behind a proxy."""

    proxy: RedisProxy
    client: RedisClient
    keys: Keys

    def __post_init__(self) -> None:
        self.connections = RedisConnections(self.client, self.keys, process=EDGE)
        self.processes = RedisProcesses(self.client, self.keys)
        self.board = RedisPresenceBoard(self.client, self.keys)

    def cut(self, name: str) -> None:
        """The next call of this script is executed and gets no reply."""
        sha = script(name).sha
        self.proxy.cut_before_reply(lambda command: name_of(command) == sha)

    async def contents(self) -> dict[bytes, bytes]:
        """Everything under the prefix but what a repeat may move: hints and the time of a death."""
        moves = {self.keys.presence.encode(), self.keys.processes.encode()}
        names = await self.client.command("KEYS", f"{self.keys.prefix}:*")
        return {
            name: await self.client.command("DUMP", name) for name in names if name not in moves
        }


@pytest_asyncio.fixture
async def store(redis_url: str, prefix: str) -> AsyncIterator[Store]:
    server = urlsplit(redis_url)
    async with RedisProxy(server.port or 6379, host=server.hostname or "localhost") as proxy:
        client = RedisClient(f"redis://127.0.0.1:{proxy.port}", name="cut-off")
        await client.start()
        yield Store(proxy, client, Keys(prefix))
        await client.aclose()


async def entered(store: Store) -> None:
    await store.connections.enter(ANN, device=PHONE, connection=ONE)


async def announced(store: Store) -> None:
    await entered(store)
    await store.board.announce(ANN)


async def due(store: Store) -> None:
    await announced(store)
    await store.connections.leave(ANN, connection=ONE)
    await let_pass(5, client=store.client, keys=store.keys)


async def nothing(store: Store) -> None:
    del store


async def claimed(store: Store) -> None:
    ready = store.keys.partition(Partition(3)).ready
    await store.client.command("ZADD", ready, 1, "03a", key=ready)
    work = RedisWork(store.client, store.keys, process=EDGE)
    assert await work.claim(room=1, partition=3, nonce="n")


async def beaten(store: Store) -> None:
    await store.processes.beat(EDGE, INFO)


Step = Callable[[Store], Awaitable[object]]

CALLS: dict[str, tuple[Step, Step]] = {
    "enter": (nothing, entered),
    "leave": (entered, lambda store: store.connections.leave(ANN, connection=ONE)),
    "whereabouts": (entered, lambda store: store.connections.whereabouts([ANN])),
    "announce": (due, lambda store: store.board.announce(ANN)),
    "offline": (due, lambda store: store.board.offline([ANN])),
    "condemn": (entered, lambda store: store.processes.reap(EDGE)),
    "reap": (entered, lambda store: store.processes.reap(EDGE)),
    "bury": (entered, lambda store: store.processes.reap(EDGE)),
    "overdue": (beaten, lambda store: store.processes.dead()),
    "evict": (claimed, lambda store: store.processes.evict(EDGE)),
    "beat": (nothing, beaten),
}


@pytest.mark.parametrize("name", CALLS)
async def test_a_call_cut_off_and_repeated_ends_like_one_that_was_not(
    name: str, store: Store
) -> None:
    prepare, call = CALLS[name]
    await prepare(store)
    store.cut(name)
    with pytest.raises(Unavailable):
        await call(store)
    assert store.proxy.cut_replies[script(name).sha] > 0

    await call(store)

    first = await store.contents()
    await call(store)
    assert await store.contents() == first


async def test_what_was_cut_off_had_taken_effect(store: Store) -> None:
    store.cut("enter")
    with pytest.raises(Unavailable):
        await entered(store)

    (found,) = await store.connections.whereabouts([ANN])

    assert [online.connection for online in found.connections] == [ONE]


async def test_a_process_whose_beat_got_no_reply_registers_anew(store: Store) -> None:
    await beaten(store)
    await store.processes.reap(EDGE)
    store.cut("beat")
    with pytest.raises(Unavailable):
        await beaten(store)

    told = [await store.processes.beat(EDGE, INFO) for _ in range(2)]

    assert told == [True, False]


async def test_a_first_beat_without_a_reply_may_have_been_told_something_too(store: Store) -> None:
    store.cut("beat")
    with pytest.raises(Unavailable):
        await beaten(store)

    assert await store.processes.beat(EDGE, INFO)
