from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest

from parley_core.domain.events import ProcessInfo
from parley_core.domain.ids import (
    ConnectionId,
    DeviceId,
    ProcessId,
    SessionId,
    UserId,
    partition_of,
    tag_of,
)
from parley_core.redis.client import RedisClient
from parley_core.redis.connections import RedisConnections
from parley_core.redis.housekeeping import RedisHousekeeping
from parley_core.redis.keys import Keys
from parley_core.redis.presence import RedisPresenceBoard
from parley_core.redis.processes import RedisProcesses
from parley_presence import duties
from parley_presence.ports import Hint
from parley_presence.redis.hints import RedisHints
from parley_testing.ageing import let_pass

EDGE = ProcessId("edge/1")
ANN, BOB = UserId("ann"), UserId("bob")


@dataclass
class World:
    """One edge and one replica of the presence service on one Redis."""

    client: RedisClient
    keys: Keys

    def __post_init__(self) -> None:
        self.connections = RedisConnections(self.client, self.keys, process=EDGE)
        self.processes = RedisProcesses(self.client, self.keys)
        self.board = RedisPresenceBoard(self.client, self.keys)
        self.hints = RedisHints(self.client, self.keys, reader=ProcessId("presence/1"))
        self.housekeeping = RedisHousekeeping(self.client, self.keys, processes=self.processes)

    async def enter(self, user: UserId) -> None:
        await self.connections.enter(
            user, device=DeviceId("phone"), connection=ConnectionId(f"of {user}")
        )

    async def leave(self, user: UserId) -> None:
        await self.connections.leave(user, connection=ConnectionId(f"of {user}"))

    async def let_pass(self, seconds: float) -> None:
        await let_pass(seconds, client=self.client, keys=self.keys)

    async def announced(self, user: UserId) -> bytes | None:
        key = self.keys.user(user)
        state: bytes | None = await self.client.command("HGET", key, "announced", key=key)
        return state

    async def call_offline(self) -> None:
        await duties.call_offline(self.board, housekeeping=self.housekeeping)

    async def clean_up(self) -> None:
        await duties.clean_up(self.housekeeping, hints=self.hints, board=self.board)


@pytest.fixture
def world(redis_client: RedisClient, keys: Keys) -> World:
    return World(redis_client, keys)


async def test_a_hint_is_followed_and_done(world: World) -> None:
    await world.hints.next()
    await world.enter(ANN)
    await world.enter(BOB)

    await duties.follow_hints(world.hints, board=world.board)

    assert [await world.announced(ANN), await world.announced(BOB)] == [b"online", b"online"]
    key = world.keys.presence
    assert await world.client.command("XLEN", key, key=key) == 0


async def test_an_abandoned_hint_is_followed_and_done(world: World) -> None:
    dead = RedisHints(world.client, world.keys, reader=ProcessId("presence/dead"))
    await dead.next()
    await world.enter(ANN)
    read = await dead.next()
    await _age(world, read)

    await duties.take_over_hints(world.hints, board=world.board)

    assert await world.announced(ANN) == b"online"
    assert await world.hints.abandoned() == ()


async def _age(world: World, hints: tuple[Hint, ...]) -> None:
    key = world.keys.presence
    for hint in hints:
        await world.client.command(
            *("XCLAIM", key, "presence", "presence/dead", 0, hint.id, "IDLE", 5_000, "JUSTID"),
            key=key,
        )


async def test_who_stays_away_is_called_offline_and_who_is_back_is_not(world: World) -> None:
    for user in (ANN, BOB):
        await world.enter(user)
        await world.board.announce(user)
        await world.leave(user)
    await world.let_pass(5)
    await world.enter(BOB)

    await world.call_offline()

    assert [await world.announced(ANN), await world.announced(BOB)] == [b"offline", b"online"]
    assert await world.board.due() == ()


async def test_sessions_that_are_gone_are_taken_off_the_list_of_who_leaves(world: World) -> None:
    user = world.keys.user(ANN)
    session = f"s:{tag_of(partition_of(ANN))}gone"
    await world.client.command("HSET", user, session, "archived", key=user)
    await world.enter(ANN)
    await world.leave(ANN)
    await world.let_pass(5)

    await world.call_offline()

    assert await world.client.command("HEXISTS", user, session, key=user) == 0


async def test_users_of_a_dead_process_are_offline_after_its_life_and_the_grace_time(
    world: World,
) -> None:
    await world.processes.beat(EDGE, ProcessInfo(kind="edge", started=1.0))
    await world.enter(ANN)
    await world.board.announce(ANN)
    await duties.reap_dead(world.processes)

    states = []
    for _ in range(14):
        await world.let_pass(1)
        await duties.reap_dead(world.processes)
        await world.call_offline()
        states.append(await world.announced(ANN))

    assert states == [b"online"] * 12 + [b"offline"] * 2


async def test_an_audit_announces_whose_hint_was_lost(world: World) -> None:
    await world.processes.beat(EDGE, ProcessInfo(kind="edge", started=1.0))
    users = [UserId(f"user-{number}") for number in range(600)]
    await asyncio.gather(*map(world.enter, users))
    await world.client.command("DEL", world.keys.presence, key=world.keys.presence)

    await world.clean_up()

    assert {await world.announced(user) for user in users} == {b"online"}


async def test_cleaning_up_forgets_what_was_reaped_and_barred_long_ago(world: World) -> None:
    await world.processes.beat(EDGE, ProcessInfo(kind="edge", started=1.0))
    await world.processes.reap(EDGE)
    await world.processes.evict(EDGE, bar=60)
    await world.let_pass(3_600)

    await world.clean_up()

    left = await world.client.command("KEYS", f"{world.keys.prefix}:*")
    assert left == [world.keys.presence.encode()]


async def test_a_list_is_told_what_a_process_that_died_owed_it(world: World) -> None:
    session = SessionId(f"{tag_of(partition_of(ANN))}0a")
    meta = world.keys.session(session).meta
    owed = world.keys.partition(partition_of(ANN)).owed
    await world.client.command("HSET", meta, "owner", ANN, f"m:{BOB}", "viewer", key=meta)
    await world.client.command("ZADD", owed, 5, f"{session}\n{BOB}", key=owed)

    await world.clean_up()

    user = world.keys.user(BOB)
    assert await world.client.command("HGET", user, f"g:{session}", key=user) == b"viewer"
    assert await world.client.command("EXISTS", owed, key=owed) == 0
