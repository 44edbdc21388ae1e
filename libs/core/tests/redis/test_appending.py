"""What a member says: once, numbered, in bounds, and told to everybody."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json

from parley_core.domain import limits
from parley_core.domain.client_frames import Strategy
from parley_core.domain.codes import ErrorCode
from parley_core.domain.errors import Refused
from parley_core.domain.events import MailKind, TurnStatus
from parley_core.domain.ids import SessionId, UserId
from parley_core.domain.live import unpack
from parley_core.domain.members import ReplyMode, Role, is_addressed
from parley_core.redis.client import RedisClient
from parley_core.redis.keys import Keys
from parley_testing.listening import Ears
from parley_testing.session_store import ANN, TAB, SessionStore, text_frame

EVE = UserId("eve")


@pytest.fixture
def store(any_redis_client: RedisClient, keys: Keys) -> SessionStore:
    return SessionStore(any_redis_client, keys)


async def test_a_member_may_write_and_a_viewer_may_not(store: SessionStore) -> None:
    session = await store.new_session()
    written = []

    for role in (Role.MEMBER, Role.VIEWER, Role.MEMBER, None):
        await store.set_role(session, EVE, role)
        with suppress(Refused):
            written.append((await store.say(session, f"m {role}", user=EVE)).repeated)

    assert written == [False, True]


async def test_a_repeat_too_old_to_tell_is_refused(
    store: SessionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "REMEMBERED", 3)
    session = await store.new_session()
    for number in range(1, 6):
        await store.say(session, f"m {number}")

    with pytest.raises(Refused) as refusal:
        await store.say(session, "m 1", after=0)

    assert refusal.value.code is ErrorCode.RETRY_TOO_OLD
    assert (await store.say(session, "m 4", after=3)).repeated
    assert not (await store.say(session, "m 6", after=3)).repeated


async def test_a_command_too_old_to_tell_is_refused_though_it_has_the_seq_of_one_that_is_known(
    store: SessionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "REMEMBERED", 3)
    session = await store.new_session()
    await store.say(session, "m 1")
    for command in ("c 1", "c 2"):
        await store.say(session, command, kind=MailKind.TOPIC, after=1)
    for message in ("m 2", "m 3"):
        await store.say(session, message)

    with pytest.raises(Refused) as refusal:
        await store.say(session, "c 1", kind=MailKind.TOPIC, after=1)

    assert refusal.value.code is ErrorCode.RETRY_TOO_OLD


async def test_the_mailbox_is_bounded(store: SessionStore) -> None:
    session = await store.new_session()
    for number in range(limits.MAILBOX):
        await store.say(session, f"m {number}")

    with pytest.raises(Refused) as refusal:
        await store.say(session, "one more")

    assert (refusal.value.code, refusal.value.retry_after_ms) == (ErrorCode.BUSY, 1_000)
    assert (await store.say(session, "m 0")).repeated


async def test_a_text_that_may_not_wait_is_refused_while_the_agent_is_busy(
    store: SessionStore,
) -> None:
    session = await store.new_session()
    await store.say(session, "m 1")

    with pytest.raises(Refused) as refusal:
        await store.say(session, "m 2", strategy=Strategy.REJECT)

    assert refusal.value.code is ErrorCode.BUSY


async def test_who_says_too_much_is_told_when_to_go_on(
    any_redis_client: RedisClient, keys: Keys
) -> None:
    store = SessionStore(any_redis_client, keys, burst=2)
    session = await store.new_session()
    for number in range(2):
        await store.say(session, f"m {number}")

    with pytest.raises(Refused) as refusal:
        await store.say(session, "m 2")

    assert refusal.value.code is ErrorCode.RATE_LIMITED
    assert refusal.value.retry_after_ms


async def test_a_clock_that_went_back_silences_nobody(store: SessionStore) -> None:
    session = await store.new_session()
    await store.say(session, "m 1")
    bucket = store.keys.rate(ANN, "text", partition=store.partition)
    # A failover to a node whose clock is a century behind.
    await store.run("HSET", bucket, "at", await store.now() + 100 * 365 * 86_400_000)

    assert (await store.say(session, "m 2")).seq == 2


async def test_what_is_said_is_published_as_it_is_logged(
    redis_client: RedisClient, keys: Keys, redis_url: str
) -> None:
    store = SessionStore(redis_client, keys)
    session = await store.new_session()

    with Ears(redis_url, keys.prefix) as ears:
        await store.say(session, "m 1", content='ß "quoted"')
        heard = [(channel, payload) for channel, payload in ears.heard()]

    (channel, first), (_, queued), (wake, partition) = heard
    frame, (event,) = unpack(first), (await store.attach(session, None)).events
    top = await store.position(session)
    assert channel == store.names(session).channel
    assert (frame.is_log, frame.type, frame.origin) == (True, "text", TAB)
    assert (frame.epoch, frame.seq, frame.id) == (top.epoch, 1, "m 1")
    assert frame.body == event.body
    assert json.decode(frame.body)["content"] == 'ß "quoted"'
    assert unpack(queued)[:6] == (False, "turn", top.epoch, 1, "-", "m 1")
    assert (wake, partition) == (keys.wake, str(store.partition).encode())


async def test_an_answer_to_a_question_is_a_text_in_the_log(store: SessionStore) -> None:
    session = await store.new_session()
    await store.say(session, "m 1")
    _, lease = await store.begin(await store.claim(), "m 1")
    await store.ask(lease, "m 1")

    await store.answer(session, "m 2")

    event = (await store.attach(session, None)).events[-1]
    assert (event.type, event.id) == ("text", "m 2")


async def test_a_text_that_is_not_for_the_agent_asks_nothing_of_it(store: SessionStore) -> None:
    session, names = await store.new_session(), store.names(await store.new_session())
    for number in range(limits.MAILBOX):
        await store.say(session, f"m {number}")
    await store.memberships.set_reply(session, ReplyMode.MENTIONED, by=ANN)
    before = await store.run("LRANGE", names.mail, 0, -1)

    aside = await store.say(session, "aside", strategy=Strategy.REJECT)

    assert (aside.seq, aside.addressed) == (limits.MAILBOX + 1, False)
    assert await store.run("LRANGE", names.mail, 0, -1) == before
    event = (await store.attach(session, None)).events[-1]
    assert json.decode(event.body)["addressed"] is False
    assert not is_addressed(event.body)


async def test_a_text_that_is_not_for_the_agent_is_no_answer_to_its_question(
    store: SessionStore,
) -> None:
    session = await store.new_session()
    await store.say(session, "m 1")
    _, lease = await store.begin(await store.claim(), "m 1")
    await store.ask(lease, "m 1")
    await store.memberships.set_reply(session, ReplyMode.MENTIONED, by=ANN)

    await store.say(session, "aside", value=b'"not for you"')
    turn = (await store.attach(session, None)).turn
    answer = await store.say(session, "m 2", content="@agent yes", value=b'"yes"')

    assert turn is not None
    assert turn.status is TurnStatus.WAITING
    assert answer.addressed
    assert await store.run("LLEN", store.names(session).mail) == 1


@given(st.text())
def test_no_words_make_a_text_look_like_one_that_is_not_for_the_agent(content: str) -> None:
    frame = text_frame(SessionId("33a"), "m", content) + b',"seq":1,"timestamp":"t"}'

    assert is_addressed(frame)
    assert is_addressed(text_frame(SessionId("33a"), "m", f'{content}","addressed":false,') + b"}")
