"""Who is in a session: the truth in the session's partition, the hint in each member's own."""

from __future__ import annotations

import asyncio
import random

import pytest

from parley_core.domain import limits
from parley_core.domain.changes import Dropped, RolesChanged, read_change
from parley_core.domain.codes import ErrorCode
from parley_core.domain.errors import Refused
from parley_core.domain.events import Listed, MailKind, Opened
from parley_core.domain.ids import ConnectionId, DeviceId, Seq, SessionId, UserId, partition_of
from parley_core.domain.members import Group, Member, ReplyMode, Role
from parley_core.redis.client import RedisClient
from parley_core.redis.connections import RedisConnections
from parley_core.redis.keys import Keys
from parley_core.redis.scripts import script
from parley_testing.listening import Ears
from parley_testing.session_store import ANN, EDGE, PHONE, TAB, SessionStore

BOB, CARL = UserId("bob"), UserId("carl")
"""Neither shares a partition with Ann, nor on a Cluster of three a node with each other."""
BOBS_TAB = ConnectionId("tab-b")


@pytest.fixture
def store(any_redis_client: RedisClient, keys: Keys) -> SessionStore:
    return SessionStore(any_redis_client, keys)


async def opened_by(
    store: SessionStore, user: UserId, session: SessionId | None = None, new: str | None = None
) -> Opened:
    return await store.conversations.open(
        user, device=PHONE, connection=BOBS_TAB, session=session, new=new
    )


async def listed_for(store: SessionStore, user: UserId) -> dict[SessionId, Listed]:
    return {row.session: row for row in await store.conversations.sessions(user)}


async def refusal_of(call: object) -> ErrorCode:
    with pytest.raises(Refused) as refusal:
        await call  # type: ignore[misc]
    return refusal.value.code


async def test_a_member_opens_the_session_and_is_online_at_home(
    store: SessionStore, any_redis_client: RedisClient, keys: Keys
) -> None:
    session = await store.new_session()
    await store.say(session, "m 1")
    await store.set_role(session, BOB, Role.MEMBER)
    connections = RedisConnections(any_redis_client, keys, process=EDGE)

    opened = await opened_by(store, BOB, session)
    again = await opened_by(store, BOB)

    assert partition_of(BOB) != store.partition
    assert (opened.existed, opened.role) == (True, Role.MEMBER)
    assert [event.id for event in opened.attachment.events] == ["m 1"]
    assert again.session == session
    (where,) = await connections.whereabouts([BOB])
    assert [each.connection for each in where.connections] == [BOBS_TAB]
    assert await connections.held() == {TAB: ANN, BOBS_TAB: BOB}


async def test_its_own_list_names_a_session_with_the_role_there(store: SessionStore) -> None:
    session, own = await store.new_session(), (await opened_by(store, BOB)).session
    await store.set_role(session, BOB, Role.VIEWER)

    before = await listed_for(store, BOB)
    await opened_by(store, BOB, session)
    after = await listed_for(store, BOB)

    assert {each.session: each.role for each in before.values()} == {
        session: "viewer",
        own: "owner",
    }
    assert [name for name, row in before.items() if row.current] == [own]
    assert [name for name, row in after.items() if row.current] == [session]


async def test_whoever_opens_one_of_ones_own_again_is_there_the_next_time(
    store: SessionStore,
) -> None:
    session, own = await store.new_session(), (await opened_by(store, BOB)).session
    await store.set_role(session, BOB, Role.MEMBER)
    await opened_by(store, BOB, session)

    await opened_by(store, BOB, own)

    assert (await opened_by(store, BOB)).session == own


async def test_sessions_of_others_do_not_count_against_ones_own(store: SessionStore) -> None:
    for number in range(store.max_sessions + 1):
        session = (await store.open(new=f"0{number}")).session
        await store.set_role(session, BOB, Role.MEMBER)

    for number in range(store.max_sessions):
        await opened_by(store, BOB, new=f"0{number}")

    assert len(await listed_for(store, BOB)) == 2 * store.max_sessions + 1


async def test_a_viewer_sees_all_and_says_nothing(store: SessionStore) -> None:
    session = await store.new_session()
    await store.say(session, "m 1")
    await store.set_role(session, BOB, Role.VIEWER)
    real = store.conversations

    attached = await real.attach(session, user=BOB, position=None)
    events, _ = await real.history(session, before=None, limit=10, user=BOB)
    await real.seen(session, user=BOB, device=PHONE, seq=Seq(1))
    refused = [
        await refusal_of(call)
        for call in (
            store.say(session, "m 2", user=BOB),
            real.cancel(session, user=BOB, turn=None),
            real.tell(session, user=BOB, type="typing", frame=b"{}", origin=TAB),
        )
    ]

    assert attached is not None
    assert [event.id for event in events] == ["m 1"]
    assert refused == [ErrorCode.FORBIDDEN] * 3


async def test_a_member_does_what_the_owner_does_but_clear(store: SessionStore) -> None:
    session = await store.new_session()
    await store.set_role(session, BOB, Role.MEMBER)

    await store.say(session, "m 1", user=BOB)
    await store.say(session, "topic", kind=MailKind.TOPIC, user=BOB)
    turn = await store.conversations.cancel(session, user=BOB, turn=None)
    refused = await refusal_of(store.say(session, "clear", kind=MailKind.CLEAR, user=BOB))

    assert (turn, refused) == ("m 1", ErrorCode.FORBIDDEN)


async def test_whoever_is_not_in_it_gets_nothing(store: SessionStore) -> None:
    session, real = await store.new_session(), store.conversations
    before = await store.contents()

    refused = [
        await refusal_of(call)
        for call in (
            opened_by(store, BOB, session),
            real.attach(session, user=BOB, position=None),
            real.history(session, before=None, limit=10, user=BOB),
            real.seen(session, user=BOB, device=PHONE, seq=Seq(1)),
            real.cancel(session, user=BOB, turn=None),
            real.tell(session, user=BOB, type="typing", frame=b"{}", origin=TAB),
            store.memberships.members(session, by=BOB),
            store.memberships.set_role(session, BOB, role=Role.MEMBER, by=BOB),
            store.memberships.set_role(session, CARL, role=Role.MEMBER, by=BOB),
            store.memberships.remove(session, ANN, by=BOB),
            store.memberships.set_reply(session, ReplyMode.NEVER, by=BOB),
            store.memberships.drop(session, by=BOB),
        )
    ]

    assert refused == [ErrorCode.FORBIDDEN] * 12
    assert await store.contents() == before


async def test_who_is_in_it_and_when_the_agent_answers_is_known_to_all_in_it(
    store: SessionStore,
) -> None:
    session = await store.new_session()
    await store.set_role(session, CARL, Role.VIEWER)
    await store.set_role(session, BOB, Role.MEMBER)
    await store.memberships.set_reply(session, ReplyMode.MENTIONED, by=ANN)

    groups = [await store.memberships.members(session, by=by) for by in (None, ANN, BOB, CARL)]

    people = (Member(ANN, Role.OWNER), Member(BOB, Role.MEMBER), Member(CARL, Role.VIEWER))
    assert groups == [Group(people, ReplyMode.MENTIONED)] * 4


async def test_who_was_taken_out_is_out_and_goes_on_in_a_session_of_ones_own(
    store: SessionStore,
) -> None:
    session, own = await store.new_session(), (await opened_by(store, BOB)).session
    await store.set_role(session, BOB, Role.MEMBER)
    await opened_by(store, BOB, session)

    await store.set_role(session, BOB, None)

    attach = store.conversations.attach(session, user=BOB, position=None)
    assert await refusal_of(attach) is ErrorCode.FORBIDDEN
    assert await refusal_of(opened_by(store, BOB, session)) is ErrorCode.FORBIDDEN
    assert (await opened_by(store, BOB)).session == own
    assert set(await listed_for(store, BOB)) == {own}


async def test_a_member_may_leave(store: SessionStore) -> None:
    session = await store.new_session()
    await store.set_role(session, BOB, Role.VIEWER)

    await store.memberships.remove(session, BOB, by=BOB)

    group = await store.memberships.members(session, by=ANN)
    assert [member.user for member in group.members] == [ANN]


async def test_a_list_that_is_wrong_is_put_right_when_it_is_used(
    store: SessionStore, keys: Keys
) -> None:
    session = await store.new_session()
    await store.set_role(session, BOB, Role.MEMBER)
    for user in (BOB, CARL):
        await store.run("HSET", keys.user(user), f"g:{session}", "viewer", "group", session)

    listed = await listed_for(store, BOB)
    opened = await opened_by(store, CARL)

    assert listed[session].role == "member"
    assert await store.run("HGET", keys.user(BOB), f"g:{session}") == b"member"
    assert opened.session != session
    assert await store.run("HGET", keys.user(CARL), f"g:{session}") is None


async def test_what_a_process_that_died_owed_a_list_is_told_it_by_a_sweep(
    store: SessionStore, keys: Keys
) -> None:
    session = await store.new_session()
    await store.set_role(session, BOB, Role.MEMBER)
    await store.set_role(session, CARL, Role.MEMBER)
    # As if the processes that did both had died before they told the lists.
    await store.delete(keys.user(BOB))
    long_ago = await store.now() - 10_000
    await store.run("ZADD", store.shared.owed, long_ago, f"{session}\n{BOB}")
    await store.run("ZADD", store.shared.owed, await store.now(), f"{session}\n{CARL}")

    paid = await store.lists.sweep()

    assert paid == 1
    assert await store.run("HGET", keys.user(BOB), f"g:{session}") == b"member"
    owed = await store.run("ZRANGE", store.shared.owed, 0, -1)
    assert owed == [f"{session}\n{CARL}".encode()]


async def test_a_sweep_takes_off_what_was_dropped(store: SessionStore, keys: Keys) -> None:
    session = await store.new_session()
    await store.set_role(session, BOB, Role.MEMBER)
    await store.delete(store.names(session).meta)
    await store.run("ZADD", store.shared.owed, 5, f"{session}\n{BOB}")

    await store.lists.sweep()

    assert await store.run("HGETALL", keys.user(BOB)) == []


async def test_whoever_tells_a_list_last_tells_it_the_truth(
    store: SessionStore, keys: Keys, monkeypatch: pytest.MonkeyPatch, dice: random.Random
) -> None:
    session, send = await store.new_session(), store.client.script

    async def late(which: object, names: list[str], args: list[object]) -> object:
        """As if each list were told by a process of its own."""
        if which is script("list"):
            await asyncio.sleep(dice.uniform(0, 0.02))
        return await send(which, names, args)  # type: ignore[arg-type]

    monkeypatch.setattr(store.client, "script", late)

    async def change(role: Role | None) -> None:
        await asyncio.sleep(dice.uniform(0, 0.02))
        await store.set_role(session, BOB, role)

    for _ in range(10):
        await asyncio.gather(*map(change, [Role.MEMBER, None, Role.VIEWER]))

        roles = await store.memberships.roles(session, [BOB])
        hint = await store.run("HGET", keys.user(BOB), f"g:{session}")
        assert (hint.decode() if hint else None) == roles[BOB]
        assert await store.run("ZCARD", store.shared.owed) == 0


async def test_a_session_that_is_dropped_is_on_nobodys_list(store: SessionStore) -> None:
    session = await store.new_session()
    for user in (BOB, CARL):
        await store.set_role(session, user, Role.MEMBER)
    await opened_by(store, BOB, session)

    await store.memberships.drop(session, by=None)
    await store.memberships.drop(session, by=ANN)

    hints = [await store.run("HGETALL", store.keys.user(user)) for user in (BOB, CARL)]
    assert hints == [[], []]
    assert await store.conversations.attach(session, user=BOB, position=None) is None
    assert [await listed_for(store, user) for user in (ANN, BOB, CARL)] == [{}, {}, {}]
    members = store.memberships.members(session, by=None)
    assert await refusal_of(members) is ErrorCode.SESSION_NOT_FOUND
    assert not [name for name in await store.contents() if session in name]


@pytest.mark.parametrize("name", ["33abc", "zz", ""])
async def test_a_session_that_nobody_made_has_no_members(store: SessionStore, name: str) -> None:
    session, real = SessionId(name), store.memberships

    refused = [
        await refusal_of(call)
        for call in (
            real.members(session, by=None),
            real.set_role(session, BOB, role=Role.MEMBER, by=None),
            real.remove(session, BOB, by=None),
            real.set_reply(session, ReplyMode.NEVER, by=None),
        )
    ]
    await real.drop(session, by=None)

    assert refused == [ErrorCode.SESSION_NOT_FOUND] * 4


async def test_members_are_bounded_and_so_is_a_list(
    store: SessionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MEMBERS", 1)
    monkeypatch.setattr(limits, "GROUPS", 1)
    first, second = [(await store.open(new=f"0{number}")).session for number in range(2)]
    for session in (first, second):
        await store.set_role(session, BOB, Role.MEMBER)

    refused = await refusal_of(store.set_role(first, CARL, Role.MEMBER))
    await store.set_role(first, BOB, Role.VIEWER)
    listed = await listed_for(store, BOB)
    opened = await opened_by(store, BOB, second)

    assert refused is ErrorCode.SESSION_LIMIT
    assert {name: row.role for name, row in listed.items()} == {first: "viewer"}
    assert opened.role is Role.MEMBER


async def test_two_peoples_devices_of_one_name_are_not_one(store: SessionStore) -> None:
    session, seen = await store.new_session(), store.names(await store.new_session()).seen
    await store.set_role(session, BOB, Role.MEMBER)
    for number in range(1, 4):
        await store.say(session, f"m {number}")

    await store.conversations.seen(session, user=BOB, device=PHONE, seq=Seq(3))
    await store.seen(session, 1)

    fields = await store.run("HGETALL", seen)
    assert dict(zip(fields[::2], fields[1::2], strict=True)) == {
        b"phone": b"1",
        b"bob\nphone": b"3",
    }


async def test_nobodys_devices_crowd_out_anothers(store: SessionStore) -> None:
    session = await store.new_session()
    await store.set_role(session, BOB, Role.MEMBER)
    await store.say(session, "m 1")
    names = [DeviceId(f"d{number}") for number in range(101)]

    for name in names:
        await store.conversations.seen(session, user=BOB, device=name, seq=Seq(1))
    await store.seen(session, 1)

    fields = await store.run("HKEYS", store.names(session).seen)
    assert (len(fields), b"phone" in fields) == (101, True)


async def test_a_member_keeps_the_session_its_owners_list_and_ones_own(
    store: SessionStore, keys: Keys
) -> None:
    session = await store.new_session()
    await store.set_role(session, BOB, Role.MEMBER)
    names = [store.names(session).meta, keys.user(ANN), keys.user(BOB)]
    for name in names:
        await store.run("PEXPIRE", name, 60_000)
    await store.was_kept(session, ago=3_600_000)

    await store.conversations.touch(session, user=BOB)

    assert [await store.run("PTTL", name) > 600_000_000 for name in names] == [True] * 3


async def test_edges_are_told_who_is_in_and_who_is_out(
    redis_client: RedisClient, keys: Keys, redis_url: str
) -> None:
    store = SessionStore(redis_client, keys)
    session = await store.new_session()

    with Ears(redis_url, keys.prefix) as ears:
        await store.set_role(session, BOB, Role.VIEWER)
        await store.set_role(session, BOB, None)
        await store.memberships.drop(session, by=ANN)
        heard = ears.heard()

    assert {channel for channel, _ in heard} == {store.names(session).channel}
    assert [read_change(payload) for _, payload in heard] == [
        RolesChanged({BOB: Role.VIEWER}),
        RolesChanged({BOB: None}),
        Dropped(),
    ]


async def test_an_edge_that_does_not_know_of_mentions_queues_every_text_but_where_none_is_wanted(
    redis_client: RedisClient, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SessionStore(redis_client, keys)
    session, append, send = await store.new_session(), script("append"), redis_client.script

    def as_before(which: object, names: list[str], args: list[object]) -> object:
        return send(which, names, args[:-1] if which is append else args)  # type: ignore[arg-type]

    monkeypatch.setattr(redis_client, "script", as_before)
    waiting = []
    for mode in ReplyMode:
        await store.memberships.set_reply(session, mode, by=ANN)
        await store.say(session, f"m {mode}")
        waiting.append(await store.run("LLEN", store.names(session).mail))

    assert waiting == [1, 2, 2]
