"""A turn: attempts that count and ones that do not, what it writes, and how it ends."""

from __future__ import annotations

import pytest

from parley_core.domain.client_frames import Strategy
from parley_core.domain.codes import ErrorCode
from parley_core.domain.errors import Refused, StaleToken
from parley_core.domain.events import TurnStatus
from parley_core.domain.ids import SessionId, TurnId
from parley_core.redis.client import RedisClient
from parley_core.redis.keys import Keys
from parley_testing.session_store import WORKER, SessionStore


@pytest.fixture
def store(any_redis_client: RedisClient, keys: Keys) -> SessionStore:
    return SessionStore(any_redis_client, keys)


async def said(store: SessionStore, *messages: str) -> SessionId:
    session = await store.new_session()
    for message in messages:
        await store.say(session, message)
    return session


async def died(store: SessionStore, session: SessionId, *, checkpoint: str) -> bool:
    """An attempt that ends without a word; whether it was one too many."""
    begun, _ = await store.begin(await store.claim(), "m 1", checkpoint=checkpoint)
    await store.let_expire(session)
    return begun.exhausted


async def waits(store: SessionStore, turn: str) -> None:
    """Another attempt, which asks."""
    _, lease = await store.begin(await store.claim(), turn, checkpoint="k1")
    await store.ask(lease, turn)


async def test_deaths_without_a_new_checkpoint_are_counted_up_to_three(
    store: SessionStore,
) -> None:
    session = await said(store, "m 1")

    exhausted = [await died(store, session, checkpoint="k1") for _ in range(4)]

    assert exhausted == [False, False, False, True]


async def test_deaths_with_progress_are_not_counted(store: SessionStore) -> None:
    session = await said(store, "m 1")

    exhausted = [await died(store, session, checkpoint=f"k{number}") for number in range(6)]

    assert not any(exhausted)


async def test_exceptions_are_counted_and_let_the_session_rest(store: SessionStore) -> None:
    session = await said(store, "m 1")
    rests = []

    for _ in range(3):
        _, lease = await store.begin(await store.claim(), "m 1")
        await store.work.release(lease, counted=True)
        due = float(await store.run("ZSCORE", store.shared.ready, session))
        rests.append(round((due - await store.now()) / 250))
        await store.run("ZADD", store.shared.ready, "XX", 1, session)
    begun, _ = await store.begin(await store.claim(), "m 1")

    assert rests == [1, 2, 3]
    assert (begun.attempt, begun.exhausted) == (4, True)


async def test_drains_and_evictions_are_not_counted(store: SessionStore) -> None:
    session = await said(store, "m 1")

    for _ in range(4):
        _, lease = await store.begin(await store.claim(), "m 1")
        await store.work.release(lease, counted=False)
        await store.begin(await store.claim(), "m 1")
        await store.evict(WORKER)
    begun, _ = await store.begin(await store.claim(), "m 1")

    assert (begun.attempt, begun.exhausted) == (9, False)
    assert session


async def test_a_death_is_still_counted_after_a_drain_that_came_before_the_next_attempt(
    store: SessionStore,
) -> None:
    session = await said(store, "m 1")
    for _ in range(3):
        await died(store, session, checkpoint="k1")
        await store.work.release(await store.claim(), counted=False)

    begun, _ = await store.begin(await store.claim(), "m 1", checkpoint="k1")

    assert begun.exhausted


async def test_the_next_turn_begins_with_a_clean_record(store: SessionStore) -> None:
    session = await said(store, "m 1", "m 2")
    for _ in range(3):
        await died(store, session, checkpoint="k1")
    lease = await store.claim()
    await store.end(lease, "m 1", status=TurnStatus.FAILED, release=False)

    begun, _ = await store.begin(lease, "m 2", checkpoint="k1")

    assert (begun.attempt, begun.exhausted, begun.stop) == (1, False, None)


async def test_what_an_open_turn_has_against_it_is_not_the_next_ones(store: SessionStore) -> None:
    session = await said(store, "m 1")
    for _ in range(3):
        await died(store, session, checkpoint="k1")
    await waits(store, "m 1")
    await store.say(session, "m 2", strategy=Strategy.INTERRUPT)

    begun, _ = await store.begin(await store.claim(), "m 2")

    assert (begun.attempt, begun.exhausted, begun.stop) == (1, False, None)


async def test_what_a_turn_has_against_it_outlives_its_question(store: SessionStore) -> None:
    session = await said(store, "m 1")
    for _ in range(3):
        await died(store, session, checkpoint="k1")
    await waits(store, "m 1")
    await store.answer(session, "m 2")

    begun, _ = await store.begin(await store.claim(), "m 1", checkpoint="k2")

    assert (begun.attempt, begun.exhausted) == (5, True)


async def test_nothing_is_remembered_of_a_death_that_no_attempt_followed(
    store: SessionStore,
) -> None:
    session = await said(store, "m 1")
    await died(store, session, checkpoint="k1")

    # Its checkpoint says that it was finished: the answer is committed without an attempt.
    await store.end(await store.claim(), "m 1")

    assert not await store.run("HLEN", store.shared.leases)


async def test_a_stop_keeps_a_turn_from_its_own_end(store: SessionStore) -> None:
    session = await said(store, "m 1")
    _, lease = await store.begin(await store.claim(), "m 1")
    await store.say(session, "m 2", strategy=Strategy.INTERRUPT)

    with pytest.raises(Refused) as refusal:
        await store.end(lease, "m 1")
    told = await store.work.renew(lease)
    seq = await store.end(lease, "m 1", status=TurnStatus.CANCELLED)

    assert refusal.value.code is ErrorCode.TURN_ENDED
    assert (told, seq) == ("interrupt", 3)


async def test_a_turn_that_has_ended_cannot_be_cancelled(store: SessionStore) -> None:
    session = await said(store, "m 1")
    _, lease = await store.begin(await store.claim(), "m 1")
    await store.end(lease, "m 1")

    with pytest.raises(Refused) as refusal:
        await store.cancel(session, "m 1")

    assert refusal.value.code is ErrorCode.TURN_ENDED


async def test_a_turn_commits_one_answer_whoever_repeats_it(store: SessionStore) -> None:
    session = await said(store, "m 1")
    _, first = await store.begin(await store.claim(), "m 1")
    seq = await store.end(first, "m 1")
    await store.say(session, "m 2")
    second = await store.claim()

    again = await store.end(first, "m 1")
    with pytest.raises(Refused):
        await store.end(second, "m 1")

    assert again == seq
    events, _ = await store.conversations.history(session, before=None, limit=10)
    assert [event.id for event in events] == ["m 1", "a-m 1", "m 2"]


async def test_work_that_is_left_is_ready_again(store: SessionStore) -> None:
    session = await said(store, "m 1", "m 2")
    _, lease = await store.begin(await store.claim(), "m 1")
    await store.end(lease, "m 1")

    inbox = await store.work.inbox(await store.claim())

    assert inbox.mail is not None
    assert inbox.mail.message_id == "m 2"
    assert session


async def test_a_question_holds_nothing_and_its_turn_goes_on(store: SessionStore) -> None:
    session = await said(store, "m 1")
    await waits(store, "m 1")
    held = await store.run("HLEN", store.shared.leases)

    await store.answer(session, "m 2")
    inbox = await store.work.inbox(again := await store.claim())
    begun, _ = await store.begin(again, "m 1", checkpoint="k2")

    assert not held
    assert inbox.turn is not None
    assert (inbox.turn.turn_id, inbox.turn.status) == ("m 1", TurnStatus.QUEUED)
    assert (inbox.head, inbox.turn.answers) == ("m 1", {"i1": '"yes"'})
    assert (begun.attempt, begun.exhausted) == (2, False)


async def test_a_piece_that_leaves_a_hole_is_a_bug_of_the_caller(store: SessionStore) -> None:
    await said(store, "m 1")
    _, lease = await store.begin(await store.claim(), "m 1", base="bå")

    with pytest.raises(ValueError, match="expected a delta at offset 2, got one at 3"):
        await store.work.delta(lease, turn=TurnId("m 1"), attempt=1, offset=3, text="x")


async def test_a_piece_of_another_attempt_is_refused(store: SessionStore) -> None:
    await said(store, "m 1")
    _, lease = await store.begin(await store.claim(), "m 1")

    with pytest.raises(StaleToken):
        await store.work.delta(lease, turn=TurnId("m 1"), attempt=2, offset=0, text="x")


async def test_a_piece_for_a_turn_that_waits_is_refused(store: SessionStore) -> None:
    session = await said(store, "m 1")
    await waits(store, "m 1")
    await store.answer(session, "m 2")
    lease = await store.claim()

    with pytest.raises(StaleToken):
        await store.work.delta(lease, turn=TurnId("m 1"), attempt=1, offset=0, text="x")


async def test_who_attaches_in_the_middle_gets_what_was_written(store: SessionStore) -> None:
    session = await said(store, "m 1")
    _, lease = await store.begin(await store.claim(), "m 1", base="bå")
    await store.work.delta(lease, turn=TurnId("m 1"), attempt=1, offset=2, text="ß😀")
    await store.work.delta(lease, turn=TurnId("m 1"), attempt=1, offset=4, text="!")

    turn = (await store.attach(session, None)).turn

    assert turn is not None
    assert (turn.text, turn.attempt, turn.status) == ("båß😀!", 1, TurnStatus.RUNNING)
