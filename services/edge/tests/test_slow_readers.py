"""A client that does not read costs at most its bound, and nobody waits for it."""

from __future__ import annotations

import asyncio
from typing import Any

from parley_core.domain.ids import ConnectionId, SessionId
from parley_core.domain.live import LiveFrame, pack
from parley_core.redis.client import RedisClient
from parley_core.redis.conversations import RedisConversations
from parley_testing.wire import client_that_does_not_read

BODY = b'{"type":"event","turn_id":"t1","name":"big","data":"' + b"x" * 100_000 + b'"}'


async def test_a_client_that_is_too_slow_is_closed_4001_while_others_are_served(
    edge: Any, agent: Any, conversations: RedisConversations
) -> None:
    async with client_that_does_not_read(edge.url, port=edge.port) as slow, edge.client() as quick:
        system = await slow.auth("ann", "slow", capabilities=["events"])
        await quick.auth("ann", "quick", capabilities=["events"])
        session = SessionId(system["session_id"])
        top = await conversations.top(session)
        assert top is not None
        message = pack(
            LiveFrame(
                is_log=False,
                type="event",
                epoch=top.epoch,
                seq=top.seq,
                origin=ConnectionId("-"),
                id=top.id,
                body=BODY,
            )
        )

        for _ in range(100):
            await agent.publish(session, message)
            await quick.receive("event")
        code = await slow.closed()
        await quick.quiet()

    assert code == 4001


async def test_a_replay_is_paced_by_the_socket_and_makes_nobody_too_slow(
    edge: Any, agent: Any
) -> None:
    async with edge.client() as writer:
        system = await writer.auth("ann", capabilities=["ack"])
        for number in range(60):
            await writer.text(f"text {number}", message_id=f"m{number}")
            await writer.receive("ack")
            await agent.answer(system["session_id"], "x" * 200_000)
            await writer.receive("text")

    async with client_that_does_not_read(edge.url, port=edge.port) as slow:
        before = await _bytes_read_from(agent.redis)
        await slow.auth("ann", resume={"epoch": system["epoch"], "seq": 0}, capabilities=["ack"])
        await asyncio.sleep(2.0)
        read_ahead = await _bytes_read_from(agent.redis) - before
        seqs = [(await slow.receive("text"))["seq"] for _ in range(120)]
        await slow.quiet()

    assert seqs == list(range(1, 121))
    # Of 12 MB: what the kernel's buffers took, and a page or two.
    assert read_ahead < 8_000_000


async def _bytes_read_from(redis: RedisClient) -> int:
    stats = (await redis.command("INFO", "stats")).decode()
    return int(stats.partition("total_net_output_bytes:")[2].split()[0])
