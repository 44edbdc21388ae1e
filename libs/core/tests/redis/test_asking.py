"""A turn that asks: who answers it, what ends it instead, and that nothing is answered twice."""

from __future__ import annotations

import pytest

from parley_core.domain.client_frames import Strategy
from parley_core.domain.codes import ErrorCode
from parley_core.domain.errors import Refused
from parley_core.domain.events import Inbox, MailKind, Stop, TurnStatus
from parley_core.domain.ids import SessionId, TurnId
from parley_core.redis.client import RedisClient
from parley_core.redis.keys import Keys
from parley_testing.session_store import SessionStore


@pytest.fixture
def store(any_redis_client: RedisClient, keys: Keys) -> SessionStore:
    return SessionStore(any_redis_client, keys)


async def asking(store: SessionStore, *interrupts: str) -> SessionId:
    session = await store.new_session()
    await store.say(session, "m 1")
    _, lease = await store.begin(await store.claim(), "m 1")
    await store.ask(lease, "m 1", *interrupts)
    return session


async def found(store: SessionStore) -> Inbox:
    """What the next worker finds."""
    return await store.work.inbox(await store.claim())


async def test_the_first_answer_wins(store: SessionStore) -> None:
    session = await asking(store)
    await store.answer(session, "m 2")

    with pytest.raises(Refused) as refusal:
        await store.answer(session, "m 3")

    assert refusal.value.code is ErrorCode.NO_SUCH_INTERRUPT


async def test_an_answer_that_comes_again_gets_its_first_reply(store: SessionStore) -> None:
    session = await asking(store)

    first = await store.answer(session, "m 2")
    again = await store.answer(session, "m 2")

    assert (again.seq, again.repeated) == (first.seq, True)


async def test_only_what_was_asked_can_be_answered(store: SessionStore) -> None:
    session = await asking(store, "i1")

    with pytest.raises(Refused) as refusal:
        await store.answer(session, "m 2", "i2")

    assert refusal.value.code is ErrorCode.NO_SUCH_INTERRUPT


async def test_several_answers_wake_the_turn_once_and_all_are_there(store: SessionStore) -> None:
    session = await asking(store, "i1", "i2")
    await store.answer(session, "m 2", "i1")
    await store.answer(session, "m 3", "i2")

    inbox = await found(store)

    assert inbox.turn is not None
    assert inbox.turn.answers == {"i1": '"yes"', "i2": '"yes"'}
    assert await store.run("LLEN", store.names(session).mail) == 1


async def test_an_answer_stays_as_long_as_its_question_does(store: SessionStore) -> None:
    session = await asking(store, "i1", "i2")
    await store.answer(session, "m 2", "i1")
    _, lease = await store.begin(await store.claim(), "m 1")
    await store.answer(session, "m 3", "i2")

    # The first was heard and led to another one; the second was not heard yet.
    await store.ask(lease, "m 1", "i3", "i2")
    inbox = await found(store)

    assert inbox.turn is not None
    assert (inbox.head, inbox.turn.status) == ("m 1", TurnStatus.QUEUED)
    assert inbox.turn.answers == {"i2": '"yes"'}


async def test_a_text_closes_a_turn_that_waits(store: SessionStore) -> None:
    session = await asking(store)

    await store.say(session, "m 2")
    inbox = await found(store)

    assert inbox.turn is not None
    assert (inbox.head, inbox.turn.turn_id, inbox.turn.stop) == ("m 2", "m 1", Stop.CANCEL)


async def test_a_text_from_a_plain_client_is_the_answer(store: SessionStore) -> None:
    session = await asking(store, "i1", "i2")

    await store.say(session, "m 2", value=b'"well"')
    inbox = await found(store)

    assert inbox.turn is not None
    assert (inbox.head, inbox.turn.stop) == ("m 1", None)
    assert inbox.turn.answers == {"i1": '"well"'}


async def test_a_text_that_would_be_an_answer_is_a_text_where_nothing_is_asked(
    store: SessionStore,
) -> None:
    session = await store.new_session()

    await store.say(session, "m 1", value=b'"well"')

    assert (await found(store)).head == "m 1"


async def test_a_text_that_must_not_wait_is_refused_while_a_turn_does(store: SessionStore) -> None:
    session = await asking(store)

    with pytest.raises(Refused) as refusal:
        await store.say(session, "m 2", strategy=Strategy.REJECT)

    assert refusal.value.code is ErrorCode.BUSY


async def test_a_topic_leaves_a_question_open(store: SessionStore) -> None:
    session = await asking(store)
    await store.say(session, "topic", kind=MailKind.TOPIC)
    await store.end(await store.claim(), "topic")

    await store.answer(session, "m 2")
    inbox = await found(store)

    assert inbox.turn is not None
    assert inbox.turn.answers == {"i1": '"yes"'}


async def test_a_turn_that_waits_can_be_cancelled(store: SessionStore) -> None:
    session = await asking(store)

    await store.cancel(session)
    inbox = await found(store)
    with pytest.raises(Refused) as refusal:
        await store.answer(session, "m 2")

    assert inbox.turn is not None
    assert (inbox.mail, inbox.turn.stop) == (None, Stop.CANCEL)
    assert refusal.value.code is ErrorCode.NO_SUCH_INTERRUPT


async def test_a_turn_to_be_closed_is_not_forgotten_by_a_worker_that_leaves(
    store: SessionStore,
) -> None:
    session = await asking(store)
    await store.cancel(session)
    await store.work.release(await store.claim(), counted=False)

    inbox = await found(store)

    assert inbox.turn is not None
    assert inbox.turn.stop is Stop.CANCEL


async def test_what_is_only_queued_can_be_cancelled(store: SessionStore) -> None:
    session = await store.new_session()
    await store.say(session, "m 1")
    await store.say(session, "m 2")
    await store.cancel(session, "m 2")

    first, lease = await store.begin(await store.claim(), "m 1")
    await store.end(lease, "m 1")
    second, _ = await store.begin(await store.claim(), "m 2")

    assert (first.stop, second.stop) == (None, Stop.CANCEL)


async def test_a_text_that_interrupts_also_stops_a_turn_that_is_about_to_begin(
    store: SessionStore,
) -> None:
    session = await store.new_session()
    await store.say(session, "m 1")
    await store.say(session, "m 2", strategy=Strategy.ROLLBACK)

    begun, _ = await store.begin(await store.claim(), "m 1")

    assert begun.stop is Stop.ROLLBACK


async def test_the_text_of_a_stopped_attempt_is_there_for_its_successor(
    store: SessionStore,
) -> None:
    session = await store.new_session()
    await store.say(session, "m 1")
    _, lease = await store.begin(await store.claim(), "m 1", base="bå")
    await store.work.delta(lease, turn=TurnId("m 1"), attempt=1, offset=2, text="ß")
    await store.cancel(session)
    await store.let_expire(session)

    inbox = await found(store)

    assert inbox.turn is not None
    assert inbox.turn.text == "båß"
