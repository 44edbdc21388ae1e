"""What a back end tells people: in a session's log, or to whoever is there."""

from __future__ import annotations

import pytest
from msgspec import Raw, json

from parley_core.domain import limits
from parley_core.domain.broadcast import Broadcast, unpack
from parley_core.domain.codes import ErrorCode
from parley_core.domain.errors import Refused
from parley_core.domain.ids import MessageId, SessionId, UserId
from parley_core.domain.live import NOTICE
from parley_core.redis.client import RedisClient
from parley_core.redis.keys import Keys
from parley_testing.listening import Ears
from parley_testing.session_store import SessionStore, text_frame


@pytest.fixture
def store(any_redis_client: RedisClient, keys: Keys) -> SessionStore:
    return SessionStore(any_redis_client, keys)


async def notice(store: SessionStore, session: SessionId, message: str) -> tuple[int, bool]:
    frame = text_frame(session, message, "mind the gap", role="system")
    accepted = await store.announcements.post(session, MessageId(message), frame=frame)
    return accepted.seq or 0, accepted.repeated


async def test_a_notice_is_logged_once_and_is_no_work(store: SessionStore) -> None:
    session = await store.new_session()

    first, again = await notice(store, session, "n 1"), await notice(store, session, "n 1")

    events, _ = await store.conversations.history(session, before=None, limit=10)
    (event,) = events
    body = json.decode(event.body)
    assert (first, again) == ((1, False), (1, True))
    assert (event.type, event.origin, body["role"], body["seq"]) == ("text", NOTICE, "system", 1)
    nobody = await store.work.claim(room=1, partition=store.partition, nonce="n")
    assert nobody == ()


async def test_a_session_gets_no_flood_of_notices(
    store: SessionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "NOTICES", 2)
    session = await store.new_session()
    await notice(store, session, "n 1")
    await notice(store, session, "n 2")
    before = await store.contents()

    with pytest.raises(Refused) as refusal:
        await notice(store, session, "n 3")

    assert refusal.value.code is ErrorCode.RATE_LIMITED
    assert refusal.value.retry_after_ms in range(1, 101)
    assert await store.contents() == before


@pytest.mark.parametrize("nowhere", ["33deadbeef", "nonsense"])
async def test_where_there_is_no_session_there_is_no_notice(
    store: SessionStore, nowhere: str
) -> None:
    with pytest.raises(Refused) as refusal:
        await notice(store, SessionId(nowhere), "n 1")

    assert refusal.value.code is ErrorCode.SESSION_NOT_FOUND


async def test_a_broadcast_says_how_many_hear_it(
    redis_client: RedisClient, keys: Keys, redis_url: str
) -> None:
    store = SessionStore(redis_client, keys)
    told = Broadcast(Raw(b'{"type":"system"}'), frozenset({UserId("ann")}))

    before = await store.announcements.broadcast(told)
    with Ears(redis_url, keys.prefix) as ears:
        after = await store.announcements.broadcast(told)
        ((_, data),) = ears.heard()

    assert (before, after) == (0, 1)
    assert unpack(data) == told
    assert unpack(data).is_for(UserId("ann"))
    assert not unpack(data).is_for(UserId("bob"))


async def test_ids_are_remembered_as_far_back_as_those_of_texts(
    store: SessionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "REMEMBERED", 2)
    session = await store.new_session()
    await store.say(session, "m 1")
    for message in ("n 1", "n 2"):
        await notice(store, session, message)

    kept = await store.run("ZRANGE", store.names(session).ids, 0, -1)

    assert kept == [b"n 1", b"n 2"]
