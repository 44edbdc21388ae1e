"""Many connections of one session: each gets everything once, in order, whatever the others do."""

from __future__ import annotations

import asyncio
from typing import Any

from parley_core.domain.ids import SessionId
from parley_core.domain.members import ReplyMode
from parley_core.redis.client import RedisClient
from parley_core.redis.keys import Keys
from parley_core.redis.memberships import RedisMemberships
from parley_testing.wire import Frame, WireClient, client_that_does_not_read

READERS = 16
ROUNDS = 30


async def test_each_of_a_crowd_gets_every_text_once_and_in_order(
    new_edge: Any, redis_client: RedisClient, keys: Keys
) -> None:
    """Two of them write, one comes and goes, one has other capabilities, one is plain."""
    async with new_edge(MAX_CONNECTIONS_PER_USER="50") as edge:
        crowd = [edge.client() for _ in range(READERS)]
        session = ""
        for number, client in enumerate(crowd):
            await client.__aenter__()
            capabilities = [["ack"], ["ack", "deltas", "turns"], []][number % 3]
            system = await client.auth("ann", f"device {number}", capabilities=capabilities)
            session = system["session_id"]
        memberships = RedisMemberships(redis_client, keys)
        await memberships.set_reply(SessionId(session), ReplyMode.NEVER, by=None)

        hearing = [asyncio.create_task(_hear(client)) for client in crowd]
        for number in range(ROUNDS):
            await crowd[0].text(f"from one {number}", message_id=f"a{number}")
            await crowd[1].text(f"from another {number}", message_id=f"b{number}")
            if number % 5 == 0:
                async with edge.client() as visitor:
                    await visitor.auth("ann", "visitor", capabilities=["ack"])
        heard = await asyncio.gather(*hearing)
        for client in crowd:
            await client.socket.close()

    everything = list(range(1, 2 * ROUNDS + 1))
    # Its own texts are acknowledged to a writer, or if it is plain known to it.
    assert [seqs for number, seqs in enumerate(heard) if number > 1] == [everything] * (READERS - 2)
    assert heard[0] == heard[1] == everything


async def _hear(client: WireClient) -> list[int]:
    """The seqs of texts and acks until the last one."""
    seqs: list[int] = []
    while not seqs or seqs[-1] < 2 * ROUNDS:
        frame: Frame = await client.next()
        if frame["type"] in {"text", "ack"}:
            seqs.append(frame["seq"])
    return seqs


async def test_one_of_a_crowd_that_does_not_read_holds_up_nobody_and_misses_nothing(
    new_edge: Any, redis_client: RedisClient, keys: Keys
) -> None:
    async with new_edge(MAX_CONNECTIONS_PER_USER="50") as edge:
        slow = client_that_does_not_read(edge.url, port=edge.port)
        crowd = [slow, *(edge.client() for _ in range(READERS))]
        session = ""
        for number, client in enumerate(crowd):
            await client.__aenter__()
            system = await client.auth("ann", f"device {number}", capabilities=["ack"])
            session = system["session_id"]
        memberships = RedisMemberships(redis_client, keys)
        await memberships.set_reply(SessionId(session), ReplyMode.NEVER, by=None)

        for number in range(60):
            await crowd[1].text("x" * 10_000, message_id=f"m{number}")
            await crowd[1].until("ack", seq=number + 1)
            for client in crowd[2:]:
                assert (await client.receive("text"))["seq"] == number + 1
        # It reads on in time: what waited comes, and what comes now comes after it.
        seqs = [(await slow.receive("text"))["seq"] for _ in range(60)]
        await crowd[1].text("the end", message_id="end")
        last = (await slow.receive("text"))["seq"]
        for client in crowd:
            await client.socket.close()

    assert seqs == list(range(1, 61))
    assert last == 61


async def test_nobody_in_a_crowd_is_told_that_he_types_himself(shared_edge: Any) -> None:
    crowd = [shared_edge.client() for _ in range(12)]
    for number, client in enumerate(crowd):
        await client.__aenter__()
        await client.auth("typist", f"device {number}", capabilities=["typing", "ack"])
    for typist in crowd[:3]:  # What the others type brings each into step with them.
        await typist.send("typing", state="start")
        for client in crowd:
            if client is not typist:
                await client.receive("typing")

    for client in crowd:
        await client.quiet()

    for client in crowd:
        await client.socket.close()
