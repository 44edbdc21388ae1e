"""A session lives for a week after its last use, and then leaves nothing."""

from __future__ import annotations

import pytest

from parley_core.domain.codes import ErrorCode
from parley_core.domain.errors import Refused
from parley_core.domain.ids import UserId
from parley_core.redis.client import RedisClient
from parley_core.redis.keys import Keys
from parley_core.redis.naming import session_keys
from parley_testing.session_store import ANN, SessionStore

HOUR = 3_600 * 1_000
LIFE = 7 * 24 * HOUR + HOUR


@pytest.fixture
def store(any_redis_client: RedisClient, keys: Keys) -> SessionStore:
    return SessionStore(any_redis_client, keys)


async def test_a_session_that_is_used_lives_for_another_week(store: SessionStore) -> None:
    session = await store.new_session()
    await store.say(session, "m 1")
    _, lease = await store.begin(await store.claim(), "m 1", base="b")
    await store.seen(session, 1)
    names = store.names(session)
    for name in (*session_keys(names), store.keys.user(ANN)):
        await store.run("PEXPIRE", name, 60_000)

    await store.was_kept(session, ago=HOUR)
    await store.conversations.touch(session, user=ANN)
    touched = await store.lifetimes()
    await store.was_kept(session, ago=HOUR)
    await store.run("PEXPIRE", names.meta, 60_000)
    await store.end(lease, "m 1")
    ended = await store.lifetimes()

    own = [names.meta, names.log, names.ids, names.mail, names.live, names.seen]
    assert {LIFE - touched[name] < 5_000 for name in [*own, store.keys.user(ANN)]} == {True}
    assert LIFE - ended[names.meta] < 5_000


async def test_within_an_hour_only_what_is_new_is_given_its_end(store: SessionStore) -> None:
    session = await store.new_session()
    await store.say(session, "m 1")
    await store.end(await store.claim(), "m 1")
    await store.was_kept(session, ago=HOUR // 2)

    await store.say(session, "m 2")
    lives = await store.lifetimes()

    names = store.names(session)
    # The mailbox was empty, and so gone; it dies with the others, as they were kept last.
    assert abs(lives[names.mail] - (LIFE - HOUR // 2)) < 5_000
    assert LIFE - lives[names.meta] < 5_000


async def test_only_its_owner_may_delete_a_session(redis_client: RedisClient, keys: Keys) -> None:
    store = SessionStore(redis_client, keys)
    session = await store.new_session()
    before = await store.contents()

    with pytest.raises(Refused) as refusal:
        await store.memberships.drop(session, by=UserId("eve"))

    assert refusal.value.code is ErrorCode.FORBIDDEN
    assert await store.contents() == before


async def test_what_expired_leaves_nothing_behind_but_counters(store: SessionStore) -> None:
    session = await store.new_session()
    await store.say(session, "m 1")
    await store.begin(await store.claim(), "m 1")
    await store.let_expire(session)
    await store.claim()
    await store.let_expire(session)
    for name, life in (await store.lifetimes()).items():
        if life >= 0:
            await store.delete(name)

    # Whoever sweeps next finds a session that is gone, and takes it off.
    gone = await store.claim()
    inbox = await store.work.inbox(gone)
    await store.work.release(gone, counted=False)

    assert (inbox.mail, inbox.turn) == (None, None)
    left = {name.rpartition("}:")[2] for name in await store.contents()}
    connections = {"online:ann", "conns:edge/1"}
    assert left - connections - {"claim:work:er/1"} == {"fence", "sweep"}
    claim = store.keys.claim("work:er/1", partition=store.partition)
    assert 0 < (await store.lifetimes())[claim] <= 60_000
