"""Resuming: all that was missed, or the truth that it cannot be given."""

from __future__ import annotations

import pytest

from parley_core.domain import limits
from parley_core.domain.client_frames import Position
from parley_core.domain.events import Attachment, MailKind
from parley_core.domain.ids import TurnId
from parley_core.redis.client import RedisClient
from parley_core.redis.keys import Keys
from parley_testing.session_store import SessionStore

WEEK = 7 * 24 * 3_600 * 1_000


@pytest.fixture
def store(any_redis_client: RedisClient, keys: Keys) -> SessionStore:
    return SessionStore(any_redis_client, keys)


async def test_everybody_who_saw_a_tail_that_was_lost_is_told(store: SessionStore) -> None:
    session, names = await store.new_session(), store.names(await store.new_session())
    await store.say(session, "m 1")
    kept = await store.position(session)
    backup = {
        name: await store.run("DUMP", name)
        for name in (names.meta, names.log, names.ids, names.mail)
    }
    await store.say(session, "m 2")
    lost = await store.position(session)

    for name, dump in backup.items():
        await store.run("RESTORE", name, WEEK, dump, "REPLACE")
    at_once = await store.attach(session, lost)
    await store.say(session, "m 3")
    later = await store.attach(session, lost)

    assert (at_once.proved, later.proved) == (False, False)
    assert [event.id for event in later.events] == ["m 1", "m 3"]
    assert (await store.attach(session, kept)).proved


async def test_a_long_tail_comes_in_pages_without_a_gap(store: SessionStore) -> None:
    session = await store.new_session()
    content = "x" * (limits.PAGE // 3)
    for number in range(1, 8):
        await store.say(session, f"m {number}", content=content)
    top = await store.position(session)
    at = Position(top.epoch, 0)
    pages: list[Attachment] = []

    while not pages or pages[-1].more:
        pages.append(await store.attach(session, at))
        last = pages[-1].events[-1]
        at = Position(top.epoch, last.seq, last.id)

    assert [len(page.events) for page in pages] == [2, 2, 2, 1]
    assert [event.seq for page in pages for event in page.events] == list(range(1, 8))
    assert all(sum(len(event.body) for event in page.events) <= limits.PAGE for page in pages)


@pytest.mark.parametrize("missed", [63, 64, 65, 150])
async def test_many_small_events_come_in_one_page(store: SessionStore, missed: int) -> None:
    session = await store.new_session()
    for number in range(1, missed + 1):
        await store.say(session, f"m {number}")
        if number % limits.MAILBOX == 0:
            await store.delete(store.names(session).mail)
    epoch = (await store.position(session)).epoch

    page = await store.attach(session, Position(epoch, 0))

    assert [event.seq for event in page.events] == list(range(1, missed + 1))
    assert not page.more


async def test_an_event_larger_than_a_page_comes_alone(store: SessionStore) -> None:
    session = await store.new_session()
    await store.say(session, "m 1", content="x" * 2 * limits.PAGE)
    await store.say(session, "m 2")
    epoch = (await store.position(session)).epoch

    page = await store.attach(session, Position(epoch, 0))

    assert ([event.id for event in page.events], page.more) == (["m 1"], True)


async def test_who_cannot_resume_gets_the_newest_ten(store: SessionStore) -> None:
    session = await store.new_session()
    for number in range(1, 13):
        await store.say(session, f"m {number}")

    page = await store.attach(session, None)

    assert [event.seq for event in page.events] == list(range(3, 13))
    assert page.more


async def test_who_is_older_than_the_log_reaches_back_is_told(
    any_redis_client: RedisClient, keys: Keys
) -> None:
    store = SessionStore(any_redis_client, keys, kept=3)
    session = await store.new_session()
    for number in range(1, 5):
        await store.say(session, f"m {number}")
    epoch = (await store.position(session)).epoch

    proved = {
        seq: (await store.attach(session, Position(epoch, seq, f"m {seq}"))).proved
        for seq in range(5)
    }

    assert proved == {0: False, 1: False, 2: True, 3: True, 4: True}
    assert [event.seq for event in (await store.attach(session, None)).events] == [2, 3, 4]


async def test_a_clear_keeps_the_seq_and_what_was_said_is_still_known(store: SessionStore) -> None:
    session = await store.new_session()
    await store.say(session, "m 1")
    lease = await store.claim()
    await store.end(lease, "m 1", release=False)
    await store.say(session, "clear", kind=MailKind.CLEAR)
    checkpoints = store.names(session).checkpoints
    for name in checkpoints:
        await store.run("SET", name, "of the old epoch")
    old = await store.position(session)

    await store.work.clear(lease, turn=TurnId("clear"), nonce="c0")

    new = await store.position(session)
    assert (new.seq, new.id, new.epoch == old.epoch) == (old.seq, old.id, False)
    assert (await store.say(session, "m 1")).repeated
    assert (await store.attach(session, new)).proved
    assert not (await store.attach(session, old)).proved
    assert not set(checkpoints) & set(await store.contents())
    assert (await store.say(session, "m 2")).seq == new.seq + 1
