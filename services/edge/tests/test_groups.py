"""Two people in one session, on two edges."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from parley_core.domain.ids import SessionId, UserId
from parley_core.domain.members import ReplyMode, Role
from parley_core.redis.client import RedisClient
from parley_core.redis.keys import Keys
from parley_core.redis.memberships import RedisMemberships
from parley_testing.talk import Workers
from parley_testing.wire import WireClient

WANTED = ["ack", "turns", "presence", "typing"]
LIVE = 1.0
"""Seconds within which a change of members is felt."""


@dataclass
class Group:
    """A session which Ann, its owner, has open on one edge and Bob, a member, on another."""

    session: SessionId
    epoch: str
    ann: WireClient
    bob: WireClient
    anns: UserId
    bobs: UserId
    bobs_edge: Any
    memberships: RedisMemberships
    agent: Any


@pytest.fixture
async def group(
    shared_pair: Any, new_agent: Callable[[str], Any], redis_client: RedisClient
) -> AsyncIterator[Group]:
    name = secrets.token_hex(4)
    anns, bobs = UserId(f"ann-{name}"), UserId(f"bob-{name}")
    memberships = RedisMemberships(redis_client, Keys(shared_pair.prefix))
    async with shared_pair.one.client() as ann, shared_pair.two.client() as bob:
        session = SessionId((await ann.auth(anns, capabilities=WANTED))["session_id"])
        await memberships.set_role(session, bobs, role=Role.MEMBER, by=anns)
        system = await bob.auth(bobs, session_id=session, capabilities=WANTED)
        yield Group(
            session=session,
            epoch=system["epoch"],
            ann=ann,
            bob=bob,
            anns=anns,
            bobs=bobs,
            bobs_edge=shared_pair.two,
            memberships=memberships,
            agent=new_agent(shared_pair.prefix),
        )


async def said(client: WireClient, content: str) -> None:
    """Returns when it is accepted."""
    await client.text(content, message_id=content)
    await client.until("ack", message_id=content)


async def ending_of(client: WireClient) -> tuple[str, int]:
    """What a client is told before it is closed, and the close."""
    told = await client.until("error")
    return told["code"], await client.closed()


async def test_all_see_all(group: Group) -> None:
    await said(group.bob, "hello Ann")
    await group.agent.answer(group.session, "hello both")

    for client, own in ((group.ann, False), (group.bob, True)):
        texts = [] if own else [await client.until("text")]
        texts.append(await client.until("text"))
        assert [text["content"] for text in texts] == ["hello Ann", "hello both"][own:]
        assert own or texts[0]["user_id"] == group.bobs


async def test_a_member_comes_back_to_it_and_resumes(group: Group) -> None:
    await said(group.ann, "one")
    heard = await group.bob.until("text")
    position = {"epoch": group.epoch, "seq": heard["seq"], "id": heard["message_id"]}
    await group.bob.socket.close()
    await said(group.ann, "two")

    async with group.bobs_edge.client() as again:
        greeting = await again.auth(group.bobs, resume=position, capabilities=WANTED)
        missed = await again.until("text")

    assert (greeting["session_id"], greeting["recovered"]) == (group.session, True)
    assert missed["content"] == "two"


async def test_a_viewer_reads_and_is_refused_when_it_writes(group: Group) -> None:
    await group.memberships.set_role(group.session, group.bobs, role=Role.VIEWER, by=group.anns)

    await group.bob.text("may I?", message_id="m1")
    refused = await group.bob.until("error")
    await said(group.ann, "no")
    read = await group.bob.until("text")

    assert (refused["code"], refused["message_id"]) == ("FORBIDDEN", "m1")
    assert read["content"] == "no"


async def test_a_member_may_not_clear_what_all_have_said(group: Group) -> None:
    await group.bob.command("clear_history", request_id="r1")

    refused = await group.bob.until("error")

    assert (refused["code"], refused["request_id"]) == ("FORBIDDEN", "r1")


async def test_whoever_is_taken_out_is_out_within_a_second_and_stays_out(group: Group) -> None:
    await group.memberships.remove(group.session, group.bobs, by=group.anns)

    async with asyncio.timeout(LIVE):
        ending = await ending_of(group.bob)
    async with group.bobs_edge.client() as again:
        await again.send("auth", user_id=group.bobs, device_id="phone", session_id=group.session)
        refused = await ending_of(again)
    await said(group.ann, "we are alone")

    assert ending == ("FORBIDDEN", 4503)
    assert refused == ("FORBIDDEN", 4503)


async def test_whoever_is_taken_out_while_the_session_is_opened_does_not_get_in(
    group: Group, dice: random.Random
) -> None:
    async def comes_late(number: int) -> int:
        user = UserId(f"{group.bobs}-{number}")
        await group.memberships.set_role(group.session, user, role=Role.VIEWER, by=group.anns)
        async with group.bobs_edge.client() as client:
            await client.send("auth", user_id=user, device_id="d", session_id=group.session)
            await asyncio.sleep(dice.uniform(0, 0.02))
            await group.memberships.remove(group.session, user, by=group.anns)
            async with asyncio.timeout(2 * LIVE):
                return int(await client.closed())

    closes = await asyncio.gather(*(comes_late(number) for number in range(50)))

    assert closes == [4503] * 50


async def test_the_others_stay(group: Group) -> None:
    await group.memberships.set_role(group.session, UserId("carl"), role=Role.VIEWER, by=group.anns)
    await group.memberships.remove(group.session, UserId("carl"), by=group.anns)

    await said(group.ann, "hello")

    assert (await group.bob.until("text"))["content"] == "hello"


async def test_a_change_that_nobody_heard_is_found_when_positions_are_compared(
    group: Group,
) -> None:
    meta = group.agent.keys.session(group.session).meta
    # As if the message had been lost with the subscription's connection.
    await group.agent.redis.command("HDEL", meta, f"m:{group.bobs}", key=meta)

    await group.agent.publish(group.session, b"not a frame")

    assert await ending_of(group.bob) == ("FORBIDDEN", 4503)


async def test_a_read_of_the_log_by_somebody_who_is_out_is_refused(group: Group) -> None:
    meta = group.agent.keys.session(group.session).meta
    await group.agent.redis.command("HDEL", meta, f"m:{group.bobs}", key=meta)

    await group.agent.publish(group.session, b"log:text 1-other 9 - m9\n{}")

    assert await ending_of(group.bob) == ("FORBIDDEN", 4503)


async def test_all_are_told_that_a_session_was_deleted_and_go_on_elsewhere(group: Group) -> None:
    await group.memberships.drop(group.session, by=group.anns)

    for client, user in ((group.ann, "ann"), (group.bob, "bob")):
        async with asyncio.timeout(LIVE):
            told = await client.until("error")
            elsewhere = await client.until("system")
        assert told["code"] == "SESSION_NOT_FOUND"
        assert elsewhere["recovered"] is False
        assert elsewhere["session_id"] != group.session
        await said(client, f"{user} goes on")


async def test_a_text_to_others_is_not_said_to_nobody_when_their_session_is_gone(
    group: Group,
) -> None:
    names = group.agent.keys.session(group.session)
    await group.agent.redis.command("DEL", names.meta, names.log, names.ids, key=names.meta)

    await group.bob.text("hello?", message_id="m1")
    elsewhere = await group.bob.until("system")
    refused = await group.bob.until("error")

    assert (refused["code"], refused["message_id"]) == ("SESSION_NOT_FOUND", "m1")
    assert elsewhere["seq"] == 0
    await group.bob.command("get_history")
    assert (await group.bob.until("history"))["messages"] == []


async def test_co_members_see_each_others_presence_until_they_part(group: Group) -> None:
    channel = group.agent.keys.watch(group.bobs)
    frame = b'{"type":"presence","user_id":"b","state":"online","devices":[],"last_seen":null}'

    await group.ann.command("get_presence", user_ids=[group.anns, group.bobs])
    found = (await group.ann.until("system"))["presence"]
    heard = await group.agent.redis.command(
        group.agent.redis.publish_verb, channel, frame, key=channel
    )
    await group.ann.until("presence")
    await group.memberships.remove(group.session, group.bobs, by=group.anns)
    await ending_of(group.bob)
    await said(group.ann, "we are alone")
    await group.ann.until("turn")  # by the channel, and so after what came before on it
    await group.agent.redis.command(group.agent.redis.publish_verb, channel, frame, key=channel)
    await group.ann.quiet()
    await group.ann.command("get_presence", user_ids=[group.bobs])
    refused = await group.ann.until("error")

    assert {each["user_id"]: each["state"] for each in found} == {
        group.anns: "online",
        group.bobs: "online",
    }
    assert heard == 1
    assert refused["code"] == "FORBIDDEN"


async def test_who_moves_to_another_session_watches_nobody_of_the_old_one(group: Group) -> None:
    channel = group.agent.keys.watch(group.bobs)
    await group.ann.command("get_presence", user_ids=[group.bobs])
    await group.ann.until("system")

    await group.ann.command("new_session")
    await group.ann.until("system")
    await group.agent.redis.command(group.agent.redis.publish_verb, channel, b"{}", key=channel)
    await group.ann.command("get_presence", user_ids=[group.bobs])
    refused = await group.ann.receive("error")

    assert refused["code"] == "FORBIDDEN"


async def test_one_lists_the_sessions_of_others_with_ones_role(group: Group) -> None:
    await group.bob.command("list_sessions")

    listed = (await group.bob.until("system"))["sessions"]

    assert [(row["session_id"], row["role"], row["current"]) for row in listed] == [
        (group.session, "member", True)
    ]


async def test_the_agent_answers_who_calls_it_and_only_those(
    group: Group, shared_pair: Any, redis_url: str
) -> None:
    await group.memberships.set_reply(group.session, ReplyMode.MENTIONED, by=group.anns)
    env = {
        "REDIS_URL": redis_url,
        "KEY_PREFIX": shared_pair.prefix,
        "RESPONDER_PAUSES": "off",
        "AGENTS_REDIS_URL": redis_url,
        "AGENTS_PREFIX": shared_pair.prefix,
    }
    async with AsyncExitStack() as stack:
        await Workers(stack, env).start("heard")

        await said(group.bob, "lunch at one?")
        talk = [await group.ann.until("text")]
        await said(group.ann, "@Agent, book it")
        talk.append(await group.ann.until("text"))
        aside = await group.bob.until("text", user_id=group.anns)
        answer = await group.bob.until("text", role="assistant")

    assert (talk[0]["content"], talk[0]["addressed"]) == ("lunch at one?", False)
    assert "addressed" not in aside
    assert answer["content"] == f"{group.bobs}: lunch at one? | {group.anns}: @Agent, book it"
    assert talk[1] == answer
