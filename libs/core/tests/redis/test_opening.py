"""Which session a client gets, and how many there can be."""

from __future__ import annotations

import asyncio
import gc
from contextlib import suppress
from urllib.parse import urlsplit

import pytest

from parley_core.domain.codes import ErrorCode
from parley_core.domain.errors import Refused, Unavailable
from parley_core.domain.ids import ConnectionId, DeviceId, SessionId, UserId
from parley_core.redis.client import RedisClient
from parley_core.redis.keys import Keys
from parley_testing.redis_proxy import RedisProxy
from parley_testing.session_store import ANN, PHONE, TAB, SessionStore

EVE = UserId("eve")


@pytest.fixture
def store(any_redis_client: RedisClient, keys: Keys) -> SessionStore:
    return SessionStore(any_redis_client, keys)


async def test_two_first_devices_at_once_get_one_session(
    any_redis_url: str, keys: Keys, store: SessionStore
) -> None:
    other = RedisClient(any_redis_url, name="other-edge")
    await other.start()
    edges = [store, SessionStore(other, keys)] * 4
    edges[1].fixed_nonce = "0f"

    opened = await asyncio.gather(*(edge.open() for edge in edges))

    assert len({each.session for each in opened}) == 1
    assert len({each.attachment.top.epoch for each in opened}) == 1
    await other.aclose()


async def test_who_made_a_session_is_told_so_and_who_comes_later_that_it_existed(
    store: SessionStore,
) -> None:
    made = await store.open()
    later = await store.conversations.open(
        ANN, device=DeviceId("desk"), connection=ConnectionId("tab-2")
    )

    assert (made.existed, later.existed) == (False, True)
    assert later.session == made.session


async def test_a_stranger_may_neither_open_nor_write_in_a_session(store: SessionStore) -> None:
    session = await store.new_session()
    before = await store.contents()

    for refused in (
        store.conversations.open(EVE, device=PHONE, connection=TAB, session=session),
        store.say(session, "m", user=EVE),
    ):
        with pytest.raises(Refused) as refusal:
            await refused
        assert refusal.value.code is ErrorCode.FORBIDDEN

    assert await store.contents() == before


@pytest.mark.parametrize("name", ["33abc", "zz", "-1a", "33"])
async def test_a_session_that_nobody_made_is_not_found(store: SessionStore, name: str) -> None:
    with pytest.raises(Refused) as refusal:
        await store.open(session=SessionId(name))

    assert refusal.value.code is ErrorCode.SESSION_NOT_FOUND


async def test_the_oldest_idle_session_is_archived_and_comes_back(store: SessionStore) -> None:
    first, second, third, fourth = [
        (await store.open(new=f"0{number}")).session for number in range(4)
    ]

    listed = [each.session for each in await store.conversations.sessions(ANN)]
    back = await store.conversations.open(
        ANN, device=PHONE, connection=ConnectionId("tab-2"), session=first
    )

    assert set(listed) == {second, third, fourth}
    assert back.existed
    assert first in {each.session for each in await store.conversations.sessions(ANN)}


async def test_a_busy_session_is_never_archived(store: SessionStore) -> None:
    for number in range(store.max_sessions):
        session = (await store.open(new=f"0{number}")).session
        await store.say(session, "m")
    before = await store.contents()

    with pytest.raises(Refused) as refusal:
        await store.open(new="ff")

    assert refusal.value.code is ErrorCode.SESSION_LIMIT
    assert await store.contents() == before


async def test_a_session_whose_meta_was_lost_begins_a_new_life_without_the_rest(
    store: SessionStore,
) -> None:
    session = await store.new_session()
    await store.say(session, "m 1")
    old = await store.position(session)
    for name in store.names(session).checkpoints:
        await store.run("SET", name, "of the old life")
    await store.delete(store.names(session).meta)

    again = await store.open(position=old)

    assert (again.session, again.existed, again.attachment.proved) == (session, False, False)
    assert again.attachment.top.epoch != old.epoch
    assert (again.attachment.top.seq, again.attachment.events) == (0, ())
    kept = {
        name for name in await store.contents() if name.endswith(f":{session}") or "ckpt" in name
    }
    assert kept == {store.names(session).meta}


async def test_a_list_of_sessions_that_redis_does_not_answer_fails_once(
    redis_url: str, keys: Keys
) -> None:
    server = urlsplit(redis_url)
    complaints: list[object] = []
    async with RedisProxy(server.port or 6379, host=server.hostname or "localhost") as proxy:
        client = RedisClient(f"redis://127.0.0.1:{proxy.port}", name="cut-off")
        await client.start()
        store = SessionStore(client, keys)
        for number in range(3):
            await store.open(new=f"0{number}")
        asyncio.get_running_loop().set_exception_handler(lambda _, what: complaints.append(what))

        proxy.cut_before_reply(lambda command: command[0] == b"HMGET")
        with suppress(Unavailable):  # what pytest.raises keeps would not be collected
            await store.conversations.sessions(ANN)
        await asyncio.sleep(0)  # the connection lets go of its calls
        gc.collect()

        assert proxy.cut_replies["HMGET"] == 3
        assert not complaints
        await client.aclose()


async def test_a_list_that_names_somebody_elses_session_proves_nothing(
    redis_client: RedisClient, keys: Keys
) -> None:
    store = SessionStore(redis_client, keys)
    session = await store.new_session()
    await store.run("HSET", keys.user(EVE), f"s:{session}", "owner", "current", session)
    before = await store.contents()

    with pytest.raises(Refused) as refusal:
        await store.conversations.open(EVE, device=PHONE, connection=TAB)

    assert refusal.value.code is ErrorCode.FORBIDDEN
    assert await store.contents() == before
