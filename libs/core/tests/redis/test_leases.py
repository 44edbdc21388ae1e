"""One worker at a time, whatever dies, sleeps or is cut off."""

from __future__ import annotations

import asyncio

import pytest

from parley_core.domain.errors import Barred, StaleToken
from parley_core.domain.events import Lease
from parley_core.domain.ids import SessionId, TurnId
from parley_core.redis.client import RedisClient
from parley_core.redis.keys import Keys
from parley_testing.listening import Ears
from parley_testing.session_store import WORKER, SessionStore


@pytest.fixture
def store(any_redis_client: RedisClient, keys: Keys) -> SessionStore:
    return SessionStore(any_redis_client, keys)


async def said(store: SessionStore, *messages: str) -> SessionId:
    session = await store.new_session()
    for message in messages:
        await store.say(session, message)
    return session


async def test_a_session_is_claimed_once(store: SessionStore) -> None:
    await said(store, "m 1")

    claimed = await asyncio.gather(
        *(
            work.claim(room=5, partition=store.partition, nonce=store.nonce())
            for work in (store.work, store.other_work) * 3
        )
    )

    assert sum(map(len, claimed)) == 1


async def test_a_lease_that_is_renewed_does_not_expire(store: SessionStore) -> None:
    session = await said(store, "m 1")
    lease = await store.claim()
    await store.let_expire(session)

    await store.work.renew(lease)
    others = await store.other_work.claim(room=1, partition=store.partition, nonce="n")

    assert others == ()


async def test_an_expired_lease_is_anothers_and_the_old_token_is_worth_nothing(
    store: SessionStore,
) -> None:
    session = await said(store, "m 1")
    _, zombie = await store.begin(await store.claim(), "m 1")
    await store.let_expire(session)

    heir = await store.claim(work=store.other_work)

    assert heir.session == session
    for write in (
        store.work.delta(zombie, turn=TurnId("m 1"), attempt=1, offset=0, text="late"),
        store.end(zombie, "m 1"),
        store.work.renew(zombie),
        store.work.release(zombie, counted=False),
    ):
        with pytest.raises(StaleToken):
            await write


@pytest.mark.parametrize(("silence", "is_taken"), [(2.0, True), (4.0, False)])
async def test_no_lease_expires_while_redis_was_away(
    store: SessionStore, silence: float, *, is_taken: bool
) -> None:
    session = await said(store, "m 1")
    mine = await store.claim()
    await store.let_expire(session)
    await store.swept(ago=silence)

    others = await store.other_work.claim(room=1, partition=store.partition, nonce="n")

    assert bool(others) is is_taken
    if not is_taken:
        expires = float(await store.run("ZSCORE", store.shared.leased, session))
        assert 4_000 < expires - await store.now() <= 5_000
        assert await store.work.renew(mine) is None


async def test_a_process_that_is_barred_may_not_claim(store: SessionStore) -> None:
    session = await said(store, "m 1")
    await store.run("ZADD", store.shared.barred, await store.now() + 60_000, WORKER)

    with pytest.raises(Barred, match=r"another \d+ ms"):
        await store.claim()

    assert (await store.claim(work=store.other_work)).session == session


async def test_who_waits_longest_is_claimed_first(store: SessionStore) -> None:
    sessions = [(await store.open(new=f"0{number}")).session for number in range(3)]
    for since, session in enumerate(reversed(sessions), start=1):
        await store.say(session, "m 1")
        await store.run("ZADD", store.shared.ready, "XX", since, session)

    claimed = [(await store.claim()).session for _ in sessions]

    assert claimed == sessions[::-1]


async def test_a_session_that_is_gone_is_taken_off_by_whoever_claims_it(
    store: SessionStore,
) -> None:
    session = await said(store, "m 1")
    await store.delete(store.names(session).meta)
    lease = await store.claim()

    inbox = await store.work.inbox(lease)
    await store.work.release(lease, counted=False)

    assert (inbox.mail, inbox.turn) == (None, None)
    assert not await store.run("ZCARD", store.shared.ready)
    assert not await store.run("HLEN", store.shared.leases)


async def test_a_release_with_work_left_wakes_somebody(
    redis_client: RedisClient, keys: Keys, redis_url: str
) -> None:
    store = SessionStore(redis_client, keys)
    await said(store, "m 1")
    lease: Lease = await store.claim()

    with Ears(redis_url, keys.prefix) as ears:
        await store.work.release(lease, counted=False)
        heard = ears.heard()

    assert heard == [(keys.wake, str(store.partition).encode())]
