from __future__ import annotations

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
from parley_core.redis.processes import RedisProcesses
from parley_core.redis.user_sessions import UserSessions
from parley_testing.ageing import let_pass

ANN, PHONE, EDGE = UserId("ann"), DeviceId("phone"), ProcessId("edge/1")
INFO = ProcessInfo(kind="edge", started=1.0)
HOUR = 3_600


def session(name: str) -> SessionId:
    return SessionId(tag_of(partition_of(ANN)) + name)


@pytest.fixture
def processes(any_redis_client: RedisClient, keys: Keys) -> RedisProcesses:
    return RedisProcesses(any_redis_client, keys)


@pytest.fixture
def connections(any_redis_client: RedisClient, keys: Keys) -> RedisConnections:
    return RedisConnections(any_redis_client, keys, process=EDGE)


@pytest.fixture
def housekeeping(
    any_redis_client: RedisClient, keys: Keys, processes: RedisProcesses
) -> RedisHousekeeping:
    return RedisHousekeeping(any_redis_client, keys, processes=processes)


async def listed(client: RedisClient, keys: Keys) -> UserSessions:
    key = keys.user(ANN)
    return UserSessions.read(await client.command("HGETALL", key, key=key))


async def test_bars_are_forgotten_when_they_are_over(
    housekeeping: RedisHousekeeping,
    processes: RedisProcesses,
    any_redis_client: RedisClient,
    keys: Keys,
) -> None:
    await processes.evict(EDGE, bar=60)

    early = await housekeeping.unbar()
    await let_pass(90, client=any_redis_client, keys=keys)
    while_clocks_may_differ = await housekeeping.unbar()
    await let_pass(90, client=any_redis_client, keys=keys)
    late = await housekeeping.unbar()

    assert (early, while_clocks_may_differ, late) == (0, 0, 64)


async def test_a_reaped_process_is_remembered_for_an_hour_and_then_leaves_no_trace(
    housekeeping: RedisHousekeeping,
    processes: RedisProcesses,
    any_redis_client: RedisClient,
    keys: Keys,
) -> None:
    await processes.beat(EDGE, INFO)
    await processes.reap(EDGE)

    await let_pass(HOUR - 60, client=any_redis_client, keys=keys)
    early = await housekeeping.forget_processes()
    await let_pass(60, client=any_redis_client, keys=keys)
    late = await housekeeping.forget_processes()

    assert (early, late) == ((), (EDGE,))
    for key in (keys.processes, keys.process_info):
        assert await any_redis_client.command("EXISTS", key, key=key) == 0


async def test_what_arrived_late_from_a_dead_process_is_taken_away(
    housekeeping: RedisHousekeeping,
    processes: RedisProcesses,
    connections: RedisConnections,
    any_redis_client: RedisClient,
    keys: Keys,
) -> None:
    await processes.beat(EDGE, INFO)
    await processes.reap(EDGE)
    await connections.enter(ANN, device=PHONE, connection=ConnectionId("late"))

    await let_pass(HOUR, client=any_redis_client, keys=keys)
    await housekeeping.forget_processes()

    (found,) = await connections.whereabouts([ANN])
    assert found.connections == ()


async def test_living_and_dying_processes_are_not_forgotten(
    housekeeping: RedisHousekeeping, processes: RedisProcesses
) -> None:
    await processes.beat(EDGE, INFO)

    assert await housekeeping.forget_processes() == ()
    assert list(await processes.alive()) == [EDGE]


async def test_all_connected_users_are_found_once(
    housekeeping: RedisHousekeeping,
    processes: RedisProcesses,
    connections: RedisConnections,
) -> None:
    await processes.beat(EDGE, INFO)
    users = [UserId(f"user-{number:03}") for number in range(100)]
    for user in [*users, *users[:10]]:
        connection = ConnectionId(f"{user} {len(await connections.held())}")
        await connections.enter(user, device=PHONE, connection=connection)

    assert await housekeeping.connected_users() == tuple(users)


async def test_sessions_that_are_gone_are_taken_off_the_list(
    housekeeping: RedisHousekeeping, any_redis_client: RedisClient, keys: Keys
) -> None:
    alive, gone, archived = session("a"), session("b"), session("c")
    meta, user = keys.session(alive).meta, keys.user(ANN)
    await any_redis_client.command("HSET", meta, "owner", ANN, key=meta)
    fields = [f"s:{alive}", "owner", f"s:{gone}", "owner", f"s:{archived}", "archived"]
    await any_redis_client.command("HSET", user, "rev", 7, "current", gone, *fields, key=user)

    pruned = [await housekeeping.prune(ANN), await housekeeping.prune(ANN)]

    left = await listed(any_redis_client, keys)
    assert pruned == [2, 0]
    assert (list(left.roles), left.current, left.revision) == ([alive], None, "8")


async def test_sessions_of_others_stay_on_the_list(
    housekeeping: RedisHousekeeping, any_redis_client: RedisClient, keys: Keys
) -> None:
    elsewhere = SessionId(f"{(partition_of(ANN) + 1) % 64:02x}a")
    user = keys.user(ANN)
    await any_redis_client.command("HSET", user, f"s:{elsewhere}", "member", key=user)

    assert await housekeeping.prune(ANN) == 0
    assert list((await listed(any_redis_client, keys)).roles) == [elsewhere]


async def test_pruning_somebody_unknown_finds_nothing(housekeeping: RedisHousekeeping) -> None:
    assert await housekeeping.prune(UserId("eve")) == 0
