from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from parley_core.domain.events import ProcessInfo
from parley_core.domain.ids import (
    ConnectionId,
    DeviceId,
    ProcessId,
    UserId,
)
from parley_core.redis.client import RedisClient
from parley_core.redis.connections import RedisConnections
from parley_core.redis.keys import Keys
from parley_core.redis.processes import RedisProcesses
from parley_core.redis.scripts import script
from parley_testing.ageing import let_pass

EDGE, OTHER = ProcessId("edge-1/a"), ProcessId("edge-1/b")
INFO = ProcessInfo(kind="edge", started=1_000.5, admin_url="http://localhost:1", connections=3)
PHONE = DeviceId("phone")


@pytest.fixture
def processes(any_redis_client: RedisClient, keys: Keys) -> RedisProcesses:
    return RedisProcesses(any_redis_client, keys)


@pytest.fixture
def connections(any_redis_client: RedisClient, keys: Keys) -> RedisConnections:
    return RedisConnections(any_redis_client, keys, process=EDGE)


class Clock:
    """Lets time pass, with somebody looking for overdue processes as often as agreed, or not."""

    def __init__(self, client: RedisClient, keys: Keys, processes: RedisProcesses) -> None:
        self._client, self._keys, self._processes = client, keys, processes

    async def passes(self, seconds: int) -> None:
        for _ in range(seconds):
            await let_pass(1, client=self._client, keys=self._keys)
            await self._processes.dead()

    async def stands_still_for_everybody(self, seconds: int) -> None:
        await let_pass(seconds, client=self._client, keys=self._keys)


@pytest_asyncio.fixture
async def clock(
    any_redis_client: RedisClient, keys: Keys, processes: RedisProcesses
) -> AsyncIterator[Clock]:
    await processes.dead()
    yield Clock(any_redis_client, keys, processes)


async def test_a_process_that_beats_is_alive_with_what_it_says_of_itself(
    processes: RedisProcesses,
) -> None:
    was_reaped = await processes.beat(EDGE, INFO)

    assert not was_reaped
    assert await processes.alive() == {EDGE: INFO}


async def test_a_beat_replaces_what_the_process_said(processes: RedisProcesses) -> None:
    draining = ProcessInfo(kind="edge", started=1_000.5, draining=True)
    await processes.beat(EDGE, INFO)

    was_reaped = await processes.beat(EDGE, draining)

    assert not was_reaped
    assert await processes.alive() == {EDGE: draining}


async def test_a_process_lives_for_eight_seconds_after_a_beat(
    processes: RedisProcesses, clock: Clock
) -> None:
    await processes.beat(EDGE, INFO)

    await clock.passes(7)
    assert (list(await processes.alive()), await processes.dead()) == ([EDGE], ())

    await clock.passes(1)
    assert (list(await processes.alive()), await processes.dead()) == ([], (EDGE,))


async def test_who_has_beaten_lately_can_be_told_from_who_is_only_not_dead_yet(
    processes: RedisProcesses, clock: Clock
) -> None:
    await processes.beat(EDGE, INFO)
    await clock.passes(6)
    await processes.beat(OTHER, INFO)

    assert await processes.alive(within=5.0) == {OTHER: INFO}
    assert await processes.alive(within=7.5) == {EDGE: INFO, OTHER: INFO}


async def test_nobody_dies_of_time_in_which_nobody_could_look(
    processes: RedisProcesses, clock: Clock
) -> None:
    await processes.beat(EDGE, INFO)
    await clock.stands_still_for_everybody(60)

    assert await processes.dead() == ()
    await clock.passes(7)
    assert await processes.dead() == ()
    await clock.passes(1)
    assert await processes.dead() == (EDGE,)


async def test_the_first_who_looks_gives_everybody_a_life_to_beat(
    processes: RedisProcesses, any_redis_client: RedisClient, keys: Keys
) -> None:
    await any_redis_client.command("ZADD", keys.processes, 1, EDGE, key=keys.processes)

    assert await processes.dead() == ()


async def test_a_reaped_process_loses_its_connections_and_its_users_leave(
    processes: RedisProcesses,
    connections: RedisConnections,
    any_redis_client: RedisClient,
    keys: Keys,
) -> None:
    users = [UserId(f"user-{number}") for number in range(100)]
    for user in users:
        await connections.enter(user, device=PHONE, connection=ConnectionId(f"of {user}"))

    reaped = await processes.reap(EDGE)

    assert reaped == 100
    assert await connections.held() == {}
    leaving = await connections.whereabouts(users)
    assert all(found.online and not found.connections for found in leaving)
    assert all(list(found.left) == [PHONE] for found in leaving)
    await let_pass(5, client=any_redis_client, keys=keys)
    assert not any(found.online for found in await connections.whereabouts(users))


async def test_reaping_takes_more_connections_than_one_script_does(
    processes: RedisProcesses, connections: RedisConnections
) -> None:
    user = UserId("ann")
    for number in range(650):
        await connections.enter(user, device=PHONE, connection=ConnectionId(f"c{number}"))

    assert await processes.reap(EDGE) == 650
    assert await connections.held() == {}


async def test_reaping_spares_the_connections_of_others(
    processes: RedisProcesses,
    connections: RedisConnections,
    any_redis_client: RedisClient,
    keys: Keys,
) -> None:
    user = UserId("ann")
    other = RedisConnections(any_redis_client, keys, process=OTHER)
    await connections.enter(user, device=PHONE, connection=ConnectionId("c1"))
    await other.enter(user, device=PHONE, connection=ConnectionId("c2"))

    await processes.reap(EDGE)

    (found,) = await connections.whereabouts([user])
    assert [online.connection for online in found.connections] == ["c2"]


async def test_a_process_that_was_reaped_is_told_once(processes: RedisProcesses) -> None:
    await processes.beat(EDGE, INFO)
    await processes.reap(EDGE)

    told = [await processes.beat(EDGE, INFO) for _ in range(3)]

    assert told == [True, False, False]


async def test_a_reaped_process_is_neither_alive_nor_dead(processes: RedisProcesses) -> None:
    await processes.beat(EDGE, INFO)
    await processes.reap(EDGE)

    assert (await processes.alive(), await processes.dead()) == ({}, ())


async def test_reaping_again_finds_nothing(
    processes: RedisProcesses, connections: RedisConnections
) -> None:
    await connections.enter(UserId("ann"), device=PHONE, connection=ConnectionId("c1"))

    reaped = [await processes.reap(EDGE), await processes.reap(EDGE)]

    assert reaped == [1, 0]
    assert await processes.dead() == ()


async def test_two_reapers_at_once_take_each_connection_once(
    processes: RedisProcesses, connections: RedisConnections
) -> None:
    for number in range(50):
        await connections.enter(
            UserId(f"user-{number}"), device=PHONE, connection=ConnectionId(f"c{number}")
        )

    reaped = await asyncio.gather(*(processes.reap(EDGE) for _ in range(3)))

    assert sum(reaped) == 50
    assert await processes.dead() == ()


async def test_a_process_that_beat_in_time_is_spared_if_only_the_overdue_are_reaped(
    processes: RedisProcesses, connections: RedisConnections
) -> None:
    await processes.beat(EDGE, INFO)
    await connections.enter(UserId("ann"), device=PHONE, connection=ConnectionId("c1"))

    reaped = await processes.reap(EDGE, if_overdue=True)

    assert reaped == 0
    assert not await processes.beat(EDGE, INFO)
    assert len(await connections.held()) == 1


async def test_an_overdue_process_is_reaped(
    processes: RedisProcesses, connections: RedisConnections, clock: Clock
) -> None:
    await processes.beat(EDGE, INFO)
    await connections.enter(UserId("ann"), device=PHONE, connection=ConnectionId("c1"))
    await clock.passes(8)

    assert await processes.reap(EDGE, if_overdue=True) == 1


async def test_a_reaping_that_nobody_finished_is_taken_up(
    processes: RedisProcesses,
    connections: RedisConnections,
    any_redis_client: RedisClient,
    keys: Keys,
) -> None:
    await processes.beat(EDGE, INFO)
    await connections.enter(UserId("ann"), device=PHONE, connection=ConnectionId("c1"))
    await any_redis_client.script(script("condemn"), [keys.processes], [EDGE, 0])

    assert await processes.dead() == (EDGE,)
    assert await processes.reap(EDGE, if_overdue=True) == 1


async def test_a_process_that_revives_while_it_is_reaped_is_told_again(
    processes: RedisProcesses, any_redis_client: RedisClient, keys: Keys
) -> None:
    """What it registers after the first telling, the reaper may still take away."""
    await processes.beat(EDGE, INFO)
    await any_redis_client.script(script("condemn"), [keys.processes], [EDGE, 0])
    first = await processes.beat(EDGE, INFO)
    is_buried = await any_redis_client.script(script("bury"), [keys.processes], [EDGE])

    assert (first, is_buried) == (True, 0)
    assert await processes.dead() == (EDGE,)
    assert await processes.beat(EDGE, INFO)


async def test_a_process_that_redis_forgot_is_told_to_register_anew(
    processes: RedisProcesses, any_redis_client: RedisClient, keys: Keys
) -> None:
    await processes.beat(EDGE, INFO)
    await any_redis_client.command("DEL", keys.processes, key=keys.processes)

    assert await processes.beat(EDGE, INFO)


async def test_a_retired_process_is_forgotten_with_all_that_it_had(
    processes: RedisProcesses,
    connections: RedisConnections,
    any_redis_client: RedisClient,
    keys: Keys,
) -> None:
    await processes.beat(EDGE, INFO)
    await connections.enter(UserId("ann"), device=PHONE, connection=ConnectionId("c1"))

    await processes.retire(EDGE)
    await processes.retire(EDGE)

    assert await connections.held() == {}
    for key in (keys.processes, keys.process_info):
        assert await any_redis_client.command("EXISTS", key, key=key) == 0


async def test_a_process_that_retires_while_it_is_reaped_leaves_no_trace(
    processes: RedisProcesses, any_redis_client: RedisClient, keys: Keys
) -> None:
    await processes.beat(EDGE, INFO)
    await any_redis_client.script(script("condemn"), [keys.processes], [EDGE, 0])
    await processes.retire(EDGE)

    await any_redis_client.script(script("bury"), [keys.processes], [EDGE])

    assert await any_redis_client.command("EXISTS", keys.processes, key=keys.processes) == 0
