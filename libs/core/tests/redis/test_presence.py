from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from parley_core.domain import server_frames
from parley_core.domain.ids import ConnectionId, DeviceId, ProcessId, UserId
from parley_core.domain.presence import stamp
from parley_core.redis.client import RedisClient
from parley_core.redis.connections import RedisConnections
from parley_core.redis.feed import RedisFeed
from parley_core.redis.keys import Keys
from parley_core.redis.presence import RedisPresenceBoard
from parley_testing.ageing import let_pass

ANN, BOB = UserId("ann"), UserId("bob")
PHONE, DESK = DeviceId("phone"), DeviceId("desk")
ONE, TWO = ConnectionId("c1"), ConnectionId("c2")


@pytest.fixture
def connections(any_redis_client: RedisClient, keys: Keys) -> RedisConnections:
    return RedisConnections(any_redis_client, keys, process=ProcessId("edge/1"))


@pytest.fixture
def board(any_redis_client: RedisClient, keys: Keys) -> RedisPresenceBoard:
    return RedisPresenceBoard(any_redis_client, keys)


class Watcher:
    """What was published to those who watch a user."""

    def __init__(self, client: RedisClient, keys: Keys) -> None:
        self._client = client
        self._keys = keys
        self._heard: asyncio.Queue[bytes] = asyncio.Queue()
        self.feed = RedisFeed(client, name="watcher")
        self.feed.listen(
            on_message=lambda _, body: self._heard.put_nowait(body), on_gap=lambda _: None
        )

    async def watch(self, user: UserId) -> None:
        await self.feed.subscribe(self._keys.watch(user))

    async def heard(self, user: UserId) -> list[server_frames.Presence]:
        """All frames so far: what is published after them comes after them."""
        channel = self._keys.watch(user)
        await self._client.command(self._client.publish_verb, channel, "end", key=channel)
        frames = []
        async with asyncio.timeout(5):
            while (body := await self._heard.get()) != b"end":
                frames.append(server_frames.decode(body))
        assert all(isinstance(frame, server_frames.Presence) for frame in frames)
        return [frame for frame in frames if isinstance(frame, server_frames.Presence)]


@pytest_asyncio.fixture
async def watcher(any_redis_client: RedisClient, keys: Keys) -> AsyncIterator[Watcher]:
    watcher = Watcher(any_redis_client, keys)
    await watcher.feed.start()
    yield watcher
    await watcher.feed.aclose()


async def test_who_came_is_announced_once(
    connections: RedisConnections, board: RedisPresenceBoard, watcher: Watcher
) -> None:
    await watcher.watch(ANN)
    await connections.enter(ANN, device=PHONE, connection=ONE)
    await connections.enter(ANN, device=DESK, connection=TWO)
    await connections.enter(ANN, device=DESK, connection=ConnectionId("another tab"))

    first = await board.announce(ANN)
    again = await board.announce(ANN)

    (frame,) = await watcher.heard(ANN)
    assert first is not None
    assert first.online
    assert again is None
    assert (frame.user_id, frame.state, frame.devices) == ("ann", "online", ["desk", "phone"])
    assert frame.last_seen == stamp(first.last_seen or 0)


async def test_who_is_back_within_the_grace_time_never_left(
    connections: RedisConnections,
    board: RedisPresenceBoard,
    watcher: Watcher,
    any_redis_client: RedisClient,
    keys: Keys,
) -> None:
    await connections.enter(ANN, device=PHONE, connection=ONE)
    await board.announce(ANN)
    await watcher.watch(ANN)

    await connections.leave(ANN, connection=ONE)
    await board.announce(ANN)
    await let_pass(4, client=any_redis_client, keys=keys)
    assert await board.due() == ()
    await connections.enter(ANN, device=PHONE, connection=TWO)
    await let_pass(4, client=any_redis_client, keys=keys)

    assert await board.due() == (ANN,)
    assert await board.offline([ANN]) == ()
    assert await board.due() == ()
    assert await board.announce(ANN) is None
    assert await watcher.heard(ANN) == []


async def test_who_stays_away_is_announced_once_as_offline_since_the_end(
    connections: RedisConnections,
    board: RedisPresenceBoard,
    watcher: Watcher,
    any_redis_client: RedisClient,
    keys: Keys,
) -> None:
    await connections.enter(ANN, device=PHONE, connection=ONE)
    await board.announce(ANN)
    await watcher.watch(ANN)
    await connections.leave(ANN, connection=ONE)
    await let_pass(5, client=any_redis_client, keys=keys)

    gone = await board.offline(await board.due())
    told = await board.announce(ANN)
    again = await board.announce(ANN)

    (frame,) = await watcher.heard(ANN)
    assert gone == (ANN,)
    assert told is not None
    assert not told.online
    assert again is None
    assert (frame.state, frame.devices) == ("offline", [])
    assert frame.last_seen == stamp(told.left[PHONE])
    assert await board.due() == ()


async def test_what_one_replica_saw_and_did_not_announce_is_found_by_the_next(
    connections: RedisConnections,
    board: RedisPresenceBoard,
    any_redis_client: RedisClient,
    keys: Keys,
) -> None:
    await connections.enter(ANN, device=PHONE, connection=ONE)
    await board.announce(ANN)
    await connections.leave(ANN, connection=ONE)
    await let_pass(5, client=any_redis_client, keys=keys)

    first = await board.offline(await board.due())
    second = await board.offline(await board.due())

    assert first == second == (ANN,)


async def test_of_two_replicas_at_once_one_announces(
    connections: RedisConnections,
    board: RedisPresenceBoard,
    any_redis_client: RedisClient,
    keys: Keys,
) -> None:
    await connections.enter(ANN, device=PHONE, connection=ONE)
    await board.announce(ANN)
    await connections.leave(ANN, connection=ONE)
    await let_pass(5, client=any_redis_client, keys=keys)

    told = await asyncio.gather(board.announce(ANN), board.announce(ANN))

    assert [found is None for found in told] == [False, True]


async def test_users_who_are_not_due_are_not_called_offline(
    connections: RedisConnections, board: RedisPresenceBoard
) -> None:
    await connections.enter(ANN, device=PHONE, connection=ONE)
    await connections.leave(ANN, connection=ONE)

    assert await board.offline([ANN, BOB]) == ()


async def test_a_visit_too_short_to_be_announced_ends_in_silence(
    connections: RedisConnections,
    board: RedisPresenceBoard,
    any_redis_client: RedisClient,
    keys: Keys,
) -> None:
    await connections.enter(ANN, device=PHONE, connection=ONE)
    await connections.leave(ANN, connection=ONE)
    await let_pass(5, client=any_redis_client, keys=keys)

    told = await board.announce(ANN)

    assert told is None
    assert await board.due() == ()


async def test_announcing_somebody_unknown_leaves_no_key(
    board: RedisPresenceBoard, any_redis_client: RedisClient, keys: Keys
) -> None:
    await board.announce(BOB)

    exists = await any_redis_client.command("EXISTS", keys.user(BOB), key=keys.user(BOB))
    assert exists == 0


async def test_what_was_announced_expires(
    connections: RedisConnections,
    board: RedisPresenceBoard,
    any_redis_client: RedisClient,
    keys: Keys,
) -> None:
    await connections.enter(ANN, device=PHONE, connection=ONE)
    await board.announce(ANN)

    left = await any_redis_client.command("PTTL", keys.user(ANN), key=keys.user(ANN))

    assert 0 < left <= 7 * 24 * 3600 * 1000


async def test_users_of_all_partitions_are_found_due_and_offline(
    connections: RedisConnections,
    board: RedisPresenceBoard,
    any_redis_client: RedisClient,
    keys: Keys,
) -> None:
    users = [UserId(f"user-{number}") for number in range(200)]
    for user in users:
        await connections.enter(user, device=PHONE, connection=ConnectionId(f"of {user}"))
    for user in users[:150]:
        await connections.leave(user, connection=ConnectionId(f"of {user}"))
    await let_pass(5, client=any_redis_client, keys=keys)
    for user in users[:50]:
        await connections.enter(user, device=PHONE, connection=ConnectionId(f"of {user}"))

    gone = await board.offline(await board.due())

    assert sorted(gone) == sorted(users[50:150])
    assert sorted(await board.due()) == sorted(users[50:150])


async def test_a_frame_survives_any_printable_name(
    connections: RedisConnections, board: RedisPresenceBoard, watcher: Watcher
) -> None:
    user, device = UserId('an"n \\ / 李'), DeviceId('"phone"')
    await watcher.watch(user)
    await connections.enter(user, device=device, connection=ONE)

    await board.announce(user)

    (frame,) = await watcher.heard(user)
    assert (frame.user_id, frame.devices) == (user, [device])
