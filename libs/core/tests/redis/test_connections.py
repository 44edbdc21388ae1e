from __future__ import annotations

import asyncio

import pytest

from parley_core.domain.ids import ConnectionId, DeviceId, ProcessId, UserId
from parley_core.redis.client import RedisClient
from parley_core.redis.connections import RedisConnections
from parley_core.redis.keys import Keys
from parley_core.redis.whereabouts import leaving_key
from parley_testing.ageing import let_pass

ANN, BOB, EVE = UserId("ann"), UserId("bob"), UserId("eve")
PHONE, DESK = DeviceId("phone"), DeviceId("desk")
ONE, TWO = ConnectionId("c1"), ConnectionId("c2")
EDGE = ProcessId("edge/1")


@pytest.fixture
def connections(any_redis_client: RedisClient, keys: Keys) -> RedisConnections:
    return RedisConnections(any_redis_client, keys, process=EDGE)


async def due(client: RedisClient, keys: Keys, user: UserId) -> float | None:
    key = leaving_key(keys, user)
    score = await client.command("ZSCORE", key, user, key=key)
    return None if score is None else float(score)


async def user_fields(client: RedisClient, keys: Keys, user: UserId) -> dict[str, str]:
    key = keys.user(user)
    reply = await client.command("HGETALL", key, key=key)
    return dict(zip(map(bytes.decode, reply[::2]), map(bytes.decode, reply[1::2]), strict=True))


async def test_who_enters_is_online_from_that_device_and_process(
    connections: RedisConnections,
) -> None:
    await connections.enter(ANN, device=PHONE, connection=ONE)

    (found,) = await connections.whereabouts([ANN])
    assert found.online
    (online,) = found.connections
    assert (online.connection, online.device, online.process) == (ONE, PHONE, EDGE)
    assert online.since <= (found.last_seen or 0)
    assert found.left == {}


async def test_entering_again_changes_nothing(connections: RedisConnections) -> None:
    await connections.enter(ANN, device=PHONE, connection=ONE)
    (first,) = await connections.whereabouts([ANN])

    await asyncio.sleep(0.002)
    await connections.enter(ANN, device=PHONE, connection=ONE)

    (second,) = await connections.whereabouts([ANN])
    assert second.connections == first.connections


async def test_whereabouts_come_in_the_order_asked(connections: RedisConnections) -> None:
    await connections.enter(BOB, device=DESK, connection=ONE)

    found = await connections.whereabouts([EVE, BOB, ANN])

    assert [(each.user, each.online) for each in found] == [
        (EVE, False),
        (BOB, True),
        (ANN, False),
    ]


async def test_somebody_never_seen_is_nowhere(connections: RedisConnections) -> None:
    (found,) = await connections.whereabouts([EVE])

    assert (found.online, found.connections, found.last_seen, found.left) == (False, (), None, {})


async def test_who_leaves_with_another_connection_stays_and_nothing_is_due(
    connections: RedisConnections, any_redis_client: RedisClient, keys: Keys
) -> None:
    await connections.enter(ANN, device=PHONE, connection=ONE)
    await connections.enter(ANN, device=DESK, connection=TWO)

    await connections.leave(ANN, connection=ONE)

    (found,) = await connections.whereabouts([ANN])
    assert [online.connection for online in found.connections] == [TWO]
    assert list(found.left) == [PHONE]
    assert await due(any_redis_client, keys, ANN) is None


async def test_who_leaves_with_the_last_connection_is_online_for_the_grace_time(
    connections: RedisConnections, any_redis_client: RedisClient, keys: Keys
) -> None:
    await connections.enter(ANN, device=PHONE, connection=ONE)
    await connections.leave(ANN, connection=ONE)
    (leaving,) = await connections.whereabouts([ANN])

    await let_pass(4, client=any_redis_client, keys=keys)
    (still,) = await connections.whereabouts([ANN])
    await let_pass(1, client=any_redis_client, keys=keys)
    (gone,) = await connections.whereabouts([ANN])

    assert (leaving.online, still.online, gone.online) == (True, True, False)
    assert leaving.connections == gone.connections == ()
    assert gone.last_seen == gone.left[PHONE]


@pytest.mark.parametrize("announced", ["online", "offline"])
async def test_leaving_again_changes_nothing(
    connections: RedisConnections, any_redis_client: RedisClient, keys: Keys, announced: str
) -> None:
    user = keys.user(ANN)
    await any_redis_client.command("HSET", user, "announced", announced, key=user)
    await connections.enter(ANN, device=PHONE, connection=ONE)
    await connections.leave(ANN, connection=ONE)
    first = (await due(any_redis_client, keys, ANN), await user_fields(any_redis_client, keys, ANN))

    await asyncio.sleep(0.002)
    await connections.leave(ANN, connection=ONE)

    assert first == (
        await due(any_redis_client, keys, ANN),
        await user_fields(any_redis_client, keys, ANN),
    )


async def test_a_short_return_gives_the_whole_grace_time_again(
    connections: RedisConnections, any_redis_client: RedisClient, keys: Keys
) -> None:
    await connections.enter(ANN, device=PHONE, connection=ONE)
    await connections.leave(ANN, connection=ONE)
    await let_pass(4, client=any_redis_client, keys=keys)

    await connections.enter(ANN, device=PHONE, connection=TWO)
    await connections.leave(ANN, connection=TWO)
    await let_pass(4, client=any_redis_client, keys=keys)

    (found,) = await connections.whereabouts([ANN])
    assert found.online


async def test_the_end_of_a_connection_that_redis_forgot_is_still_due_to_those_who_watch(
    connections: RedisConnections, any_redis_client: RedisClient, keys: Keys
) -> None:
    user = keys.user(ANN)
    await any_redis_client.command("HSET", user, "announced", "online", key=user)

    await connections.leave(ANN, connection=ONE)

    assert await due(any_redis_client, keys, ANN) is not None


async def test_the_end_of_a_connection_that_never_was_is_nobodys_news(
    connections: RedisConnections, any_redis_client: RedisClient, keys: Keys
) -> None:
    await connections.leave(EVE, connection=ONE)

    assert await due(any_redis_client, keys, EVE) is None
    assert await user_fields(any_redis_client, keys, EVE) == {}


async def test_what_is_known_of_a_user_expires(
    connections: RedisConnections, any_redis_client: RedisClient, keys: Keys
) -> None:
    await connections.enter(ANN, device=PHONE, connection=ONE)
    await connections.leave(ANN, connection=ONE)

    left = await any_redis_client.command("PTTL", keys.user(ANN), key=keys.user(ANN))

    assert 0 < left <= 7 * 24 * 3600 * 1000


async def test_only_the_newest_devices_are_remembered(
    connections: RedisConnections,
) -> None:
    for number in range(40):
        connection = ConnectionId(f"c{number}")
        await connections.enter(ANN, device=DeviceId(f"d{number}"), connection=connection)
        await connections.leave(ANN, connection=connection)

    (found,) = await connections.whereabouts([ANN])

    assert len(found.left) == 32
    assert "d39" in found.left


async def test_each_change_leaves_a_hint(
    connections: RedisConnections, any_redis_client: RedisClient, keys: Keys
) -> None:
    await connections.enter(ANN, device=PHONE, connection=ONE)
    await connections.leave(ANN, connection=ONE)

    entries = await any_redis_client.command("XRANGE", keys.presence, "-", "+", key=keys.presence)
    assert [fields for _, fields in entries] == [[b"user", b"ann"], [b"user", b"ann"]]


async def test_a_process_can_ask_what_redis_has_of_it(
    connections: RedisConnections, any_redis_client: RedisClient, keys: Keys
) -> None:
    other = RedisConnections(any_redis_client, keys, process=ProcessId("edge/2"))
    await connections.enter(ANN, device=PHONE, connection=ONE)
    await other.enter(BOB, device=DESK, connection=TWO)

    assert await connections.held() == {ONE: ANN}
    assert await other.held() == {TWO: BOB}
    await connections.leave(ANN, connection=ONE)
    assert await connections.held() == {}


async def test_names_with_any_printable_character_come_back_as_they_were(
    connections: RedisConnections,
) -> None:
    user, device = UserId('müller, {x}: "y" \\ 李'), DeviceId("tab / 2 {z}")
    await connections.enter(user, device=device, connection=ONE)
    await connections.leave(user, connection=ONE)

    (found,) = await connections.whereabouts([user])

    assert list(found.left) == [device]
