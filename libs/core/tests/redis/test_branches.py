"""Looking back into a session's log, and sessions that begin as copies of others."""

from __future__ import annotations

import json
from typing import Any

import pytest

from parley_core.domain import limits, server_frames
from parley_core.domain.client_frames import Position
from parley_core.domain.codes import ErrorCode
from parley_core.domain.errors import Refused
from parley_core.domain.events import Event, Forked, MailKind, Mark, TurnStatus
from parley_core.domain.ids import (
    ConnectionId,
    MessageId,
    Seq,
    SessionId,
    TurnId,
    UserId,
    new_session_id,
)
from parley_core.redis.client import RedisClient
from parley_core.redis.keys import Keys
from parley_testing.session_store import ANN, PHONE, SessionStore

EVE = UserId("eve")
COPY = new_session_id(ANN, nonce="0f")
HOUR, MOMENT = 3_600 * 1_000, 5_000
WEEK = 7 * 24 * HOUR


@pytest.fixture
def store(any_redis_client: RedisClient, keys: Keys) -> SessionStore:
    return SessionStore(any_redis_client, keys)


async def talked(store: SessionStore, session: SessionId, *turns: str) -> None:
    """Each turn is answered; its answer has the checkpoint `k-<turn>`."""
    for turn in turns:
        await store.say(session, turn)
        await finished(store, turn)


async def finished(
    store: SessionStore,
    turn: str,
    *,
    frame: server_frames.ServerFrame | None = None,
    topic: str | None = None,
) -> None:
    lease = await store.claim()
    text = server_frames.Text(
        message_id=f"a-{turn}", session_id=lease.session, role="assistant", content="well"
    )
    await store.work.commit(
        lease,
        turn=TurnId(turn),
        answer=MessageId(f"a-{turn}"),
        type="text" if topic is None else "system",
        frame=server_frames.encode_open(frame or text),
        status=TurnStatus.DONE,
        checkpoint="" if topic is not None else f"k-{turn}",
        topic=topic,
        release=True,
    )


async def switched(store: SessionStore, session: SessionId, topic: str) -> None:
    name = f"topic-{topic}"
    await store.say(session, name, kind=MailKind.TOPIC)
    frame = server_frames.System(session_id=session, topic=topic, message_id=name)
    await finished(store, name, frame=frame, topic=topic)


async def forked(
    store: SessionStore,
    session: SessionId,
    mark: Mark,
    *,
    to: SessionId = COPY,
    request: str = "a1",
    owner: UserId = ANN,
) -> Forked | None:
    return await store.branches.fork(session, owner=owner, mark=mark, to=to, request=request)


async def marks(store: SessionStore, session: SessionId, *, at: Seq | None) -> tuple[Mark, ...]:
    return tuple([mark async for mark in store.branches.marks(session, at=at)])


async def log_of(store: SessionStore, session: SessionId) -> tuple[Event, ...]:
    events, _ = await store.conversations.history(session, before=None, limit=1_000)
    return events


async def test_marks_are_the_entries_with_a_checkpoint_newest_first(store: SessionStore) -> None:
    session = await store.new_session()
    await talked(store, session, "m1", "m2")
    await store.say(session, "m3")

    assert await marks(store, session, at=None) == (
        Mark(Seq(4), "k-m2"),
        Mark(Seq(2), "k-m1"),
    )
    assert await marks(store, session, at=Seq(3)) == (Mark(Seq(2), "k-m1"),)
    assert await marks(store, session, at=Seq(1)) == ()


@pytest.mark.parametrize("length", [63, 64, 65, 128, 200])
async def test_marks_of_a_long_log_are_complete(store: SessionStore, length: int) -> None:
    session = await store.new_session()
    log = store.names(session).log
    for seq in range(1, length + 1):
        await store.run(
            *("XADD", log, f"{seq}-0", "f", "{}", "m", f"m{seq}", "t", "text", "o", "-"),
            *(("c", f"k{seq}") if seq % 2 else ()),
        )

    found = await marks(store, session, at=Seq(length))

    assert found == tuple(Mark(Seq(seq), f"k{seq}") for seq in range(length, 0, -1) if seq % 2)


async def test_the_owner_of_a_session_is_known_and_of_none_refused(store: SessionStore) -> None:
    session = await store.new_session()

    assert await store.branches.owner(session) == ANN
    for nothing in ("zz", "33abc", ""):
        with pytest.raises(Refused) as refusal:
            await store.branches.owner(SessionId(nothing))
        assert refusal.value.code is ErrorCode.SESSION_NOT_FOUND


async def test_a_fork_has_the_log_up_to_its_mark_under_its_own_name(store: SessionStore) -> None:
    session = await store.new_session()
    await talked(store, session, "m1", "m2", "m3")

    made = await forked(store, session, Mark(Seq(4), "k-m2"))

    original, copy = await log_of(store, session), await log_of(store, COPY)
    assert made == Forked(COPY, Seq(4))
    assert [(each.seq, each.id, each.type) for each in copy] == [
        (each.seq, each.id, each.type) for each in original[:4]
    ]
    assert [json.loads(each.body) for each in copy] == [
        json.loads(each.body) | {"session_id": COPY} for each in original[:4]
    ]
    assert await marks(store, COPY, at=None) == (
        Mark(Seq(4), "k-m2"),
        Mark(Seq(2), "k-m1"),
    )


async def test_the_original_is_as_it_was(store: SessionStore) -> None:
    session = await store.new_session()
    await talked(store, session, "m1", "m2")
    before = await store.contents()

    await forked(store, session, Mark(Seq(2), "k-m1"))

    after = await store.contents()
    own = {name for name in before if name.endswith(f":{session}")}
    assert {name: after[name] for name in own} == {name: before[name] for name in own}


async def test_a_fork_goes_on_by_itself(store: SessionStore) -> None:
    session = await store.new_session()
    await talked(store, session, "m1", "m2")
    await forked(store, session, Mark(Seq(2), "k-m1"))

    await talked(store, COPY, "other")

    assert [each.id for each in await log_of(store, COPY)] == ["m1", "a-m1", "other", "a-other"]
    assert [each.id for each in await log_of(store, session)] == ["m1", "a-m1", "m2", "a-m2"]


async def test_a_fork_knows_the_message_ids_of_its_part_and_no_others(store: SessionStore) -> None:
    session = await store.new_session()
    await talked(store, session, "m1", "m2")
    await forked(store, session, Mark(Seq(2), "k-m1"))

    known = await store.say(COPY, "m1")
    fresh = await store.say(COPY, "m2")

    assert (known.repeated, known.seq) == (True, 1)
    assert (fresh.repeated, fresh.seq) == (False, 3)


async def test_what_waits_for_an_answer_stays_with_the_original(store: SessionStore) -> None:
    session = await store.new_session()
    await store.say(session, "m1")
    await store.say(session, "m2")
    await finished(store, "m1")

    await forked(store, session, Mark(Seq(3), "k-m1"))

    assert [each.id for each in await log_of(store, COPY)] == ["m1", "m2", "a-m1"]
    assert await store.run("LLEN", store.names(COPY).mail) == 0
    assert await store.run("LLEN", store.names(session).mail) == 1


async def test_a_position_on_the_original_proves_nothing_on_the_fork_and_the_other_way_round(
    store: SessionStore,
) -> None:
    session = await store.new_session()
    await talked(store, session, "m1", "m2")
    on_original = Position((await store.position(session)).epoch, Seq(2), "a-m1")
    await forked(store, session, Mark(Seq(2), "k-m1"))

    on_copy = await store.position(COPY)
    there = await store.attach(COPY, on_original)
    at_home = await store.attach(COPY, on_copy)

    assert on_copy.epoch != on_original.epoch
    assert (there.proved, at_home.proved) == (False, True)


async def test_a_fork_is_listed_and_the_current_session_stays(store: SessionStore) -> None:
    session = await store.new_session()
    await talked(store, session, "m1")

    await forked(store, session, Mark(Seq(2), "k-m1"))

    rows = {row.session: row for row in await store.conversations.sessions(ANN)}
    assert set(rows) == {session, COPY}
    assert (rows[session].current, rows[COPY].current) == (True, False)
    assert rows[COPY].seq == 2


async def test_a_full_list_archives_the_oldest_idle_one(store: SessionStore) -> None:
    first = await store.new_session()
    await store.open(new="0b")
    last = (await store.open(new="0c")).session
    await talked(store, last, "m1")

    await forked(store, last, Mark(Seq(2), "k-m1"))

    assert first not in {row.session for row in await store.conversations.sessions(ANN)}


async def test_a_list_of_busy_sessions_has_no_place_and_nothing_changes(
    store: SessionStore,
) -> None:
    sessions = [(await store.open(new=f"0{number}")).session for number in range(3)]
    await talked(store, sessions[0], "m1")
    for session in sessions:
        await store.say(session, "busy")
    before = await store.contents()

    with pytest.raises(Refused) as refusal:
        await forked(store, sessions[0], Mark(Seq(2), "k-m1"))

    assert refusal.value.code is ErrorCode.SESSION_LIMIT
    assert await store.contents() == before


async def test_forks_are_limited_and_a_repeat_costs_nothing(
    store: SessionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "FORKS", 2)
    monkeypatch.setattr(limits, "FORK_RATE", 1e-3)
    session = await store.new_session()
    await talked(store, session, "m1")
    mark = Mark(Seq(2), "k-m1")
    for request in ("1", "1", "1", "2"):
        await forked(store, session, mark, to=new_session_id(ANN, nonce=request), request=request)
    before = await store.contents()

    with pytest.raises(Refused) as refusal:
        await forked(store, session, mark, request="3")

    assert refusal.value.code is ErrorCode.RATE_LIMITED
    assert 0 < (refusal.value.retry_after_ms or 0) <= 1_000_000
    assert await store.contents() == before


async def test_a_session_of_somebody_else_is_not_forked(store: SessionStore) -> None:
    session = await store.new_session()
    await talked(store, session, "m1")
    await store.run("HSET", store.names(session).meta, "owner", EVE)
    before = await store.contents()

    with pytest.raises(Refused) as refusal:
        await forked(store, session, Mark(Seq(2), "k-m1"))

    assert refusal.value.code is ErrorCode.FORBIDDEN
    assert await store.contents() == before


async def test_a_session_that_is_gone_is_not_forked(store: SessionStore) -> None:
    session = await store.new_session()
    await talked(store, session, "m1")
    await store.memberships.drop(session, by=ANN)

    with pytest.raises(Refused) as refusal:
        await forked(store, session, Mark(Seq(2), "k-m1"))

    assert refusal.value.code is ErrorCode.SESSION_NOT_FOUND


@pytest.mark.parametrize("mark", [Mark(Seq(2), "k-other"), Mark(Seq(1), ""), Mark(Seq(9), "k")])
async def test_a_mark_that_the_log_does_not_have_forks_nothing(
    store: SessionStore, mark: Mark
) -> None:
    session = await store.new_session()
    await talked(store, session, "m1")
    before = await store.contents()

    made = await forked(store, session, mark)

    assert made is None
    assert await store.contents() == before


async def test_a_repeat_under_another_session_id_gets_the_first_fork(store: SessionStore) -> None:
    session = await store.new_session()
    await talked(store, session, "m1", "m2")
    first = await forked(store, session, Mark(Seq(2), "k-m1"))
    before = await store.contents()

    again = await forked(store, session, Mark(Seq(4), "k-m2"), to=new_session_id(ANN, nonce="0e"))
    known = await store.branches.forked(session, request="a1")

    assert first == again == known == Forked(COPY, Seq(2))
    assert await store.contents() == before
    assert await store.branches.forked(session, request="a2") is None


async def test_another_request_makes_another_fork(store: SessionStore) -> None:
    session = await store.new_session()
    await talked(store, session, "m1")
    other = new_session_id(ANN, nonce="0e")

    await forked(store, session, Mark(Seq(2), "k-m1"))
    made = await forked(store, session, Mark(Seq(2), "k-m1"), to=other, request="a2")

    assert made == Forked(other, Seq(2))


async def test_a_session_that_exists_is_never_written_over(store: SessionStore) -> None:
    session = await store.new_session()
    await talked(store, session, "m1")
    other = (await store.open(new="0b")).session
    before = await store.contents()

    with pytest.raises(Refused):
        await forked(store, session, Mark(Seq(2), "k-m1"), to=other)

    assert await store.contents() == before


async def test_a_fork_has_the_topic_of_its_time(store: SessionStore) -> None:
    session = await store.new_session()
    await talked(store, session, "m1")
    await switched(store, session, "fish")
    await talked(store, session, "m2")
    await switched(store, session, "birds")
    copies = [new_session_id(ANN, nonce=nonce) for nonce in ("e1", "e2")]

    await forked(store, session, Mark(Seq(5), "k-m2"), to=copies[0], request="1")
    await forked(store, session, Mark(Seq(2), "k-m1"), to=copies[1], request="2")

    topics = [await store.run("HGET", store.names(copy).meta, "topic") for copy in copies]
    assert topics == [b"fish", b""]


async def test_a_topic_whose_switch_has_left_the_log_is_still_the_forks(
    store: SessionStore,
) -> None:
    session = await store.new_session()
    await switched(store, session, "fish")
    await talked(store, session, "m1")
    await store.run("XTRIM", store.names(session).log, "MAXLEN", "=", 2)

    await forked(store, session, Mark(Seq(3), "k-m1"))

    assert await store.run("HGET", store.names(COPY).meta, "topic") == b"fish"


def frames_with(session: SessionId) -> list[server_frames.ServerFrame]:
    """One of each type that goes into a log, full of what looks like the session's name."""
    trap: Any = {"session_id": session}
    text = json.dumps(trap, separators=(",", ":"))
    return [
        server_frames.Text(message_id=text, session_id=session, role="user", content=text),
        server_frames.System(session_id=session, topic=text, message_id=text),
        server_frames.Error(
            code=ErrorCode.TURN_FAILED,
            message=text,
            message_id=text,
            turn_id=text,
            session_id=session,
        ),
        server_frames.InputRequest(
            message_id=text,
            turn_id=text,
            session_id=session,
            interrupts=[server_frames.Interrupt(interrupt_id=text, value=trap)],
        ),
    ]


@pytest.mark.parametrize("kind", range(4))
async def test_only_the_frames_own_session_is_renamed(store: SessionStore, kind: int) -> None:
    session = await store.new_session()
    frame = frames_with(session)[kind]
    await store.say(session, "m1")
    await finished(store, "m1", frame=frame)

    await forked(store, session, Mark(Seq(2), "k-m1"))

    original, copy = [(await log_of(store, each))[-1].body for each in (session, COPY)]
    assert json.loads(copy) == json.loads(original) | {"session_id": COPY}


async def test_a_fork_dies_a_week_after_its_last_use_and_a_request_is_known_for_a_day(
    store: SessionStore,
) -> None:
    session = await store.new_session()
    await talked(store, session, "m1")
    await store.run("SET", store.names(COPY).checkpoints[0], "copied before")

    await forked(store, session, Mark(Seq(2), "k-m1"))

    lives = await store.lifetimes()
    own = [life for name, life in lives.items() if COPY in name]
    assert len(own) == 4
    assert all(WEEK - MOMENT <= life <= WEEK + HOUR for life in own)
    (known,) = [life for name, life in lives.items() if ":fork:" in name]
    assert WEEK / 7 - MOMENT <= known <= WEEK / 7


async def test_checkpoints_that_were_copied_before_stay(store: SessionStore) -> None:
    session = await store.new_session()
    await talked(store, session, "m1")
    name = store.names(COPY).checkpoints[0]
    await store.run("SET", name, "copied before")

    await forked(store, session, Mark(Seq(2), "k-m1"))

    assert await store.run("GET", name) == b"copied before"


async def test_a_fork_is_opened_like_any_session(store: SessionStore) -> None:
    session = await store.new_session()
    await talked(store, session, "m1")
    await forked(store, session, Mark(Seq(2), "k-m1"))

    opened = await store.conversations.open(
        ANN, device=PHONE, connection=ConnectionId("tab-2"), session=COPY
    )

    assert opened.existed
    assert [event.id for event in opened.attachment.events] == ["m1", "a-m1"]
