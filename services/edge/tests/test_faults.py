"""An edge whose Redis is away, silent, or put back to an older state."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from parley_core.domain.ids import SessionId, UserId
from parley_core.domain.members import Role
from parley_core.domain.server_frames import Presence, encode
from parley_core.redis.client import RedisClient
from parley_core.redis.connections import RedisConnections
from parley_core.redis.keys import Keys
from parley_core.redis.memberships import RedisMemberships
from parley_core.redis.processes import RedisProcesses
from parley_core.redis.scripts import script
from parley_testing.proxy import Pipe, TcpProxy
from parley_testing.redis_proxy import Command, RedisProxy, name_of

APPEND = script("append").sha
WHEREABOUTS = script("whereabouts").sha


class LateAnswers(RedisProxy):
    """Where users are is answered when the test says so."""

    def __init__(self, target: int) -> None:
        super().__init__(target)
        self.answered = asyncio.Event()
        """Redis has said where somebody is."""
        self._asking: Pipe | None = None
        self._late: list[bytes] = []

    def asked(self, pipe: Pipe, commands: list[Command]) -> None:
        if any(name_of(command) == WHEREABOUTS for command in commands):
            self._asking = pipe

    def reply(self, pipe: Pipe, chunk: bytes) -> None:
        if pipe is not self._asking:
            super().reply(pipe, chunk)
            return
        self._late.append(chunk)
        self.answered.set()

    def release(self) -> None:
        pipe, self._asking = self._asking, None
        assert pipe is not None
        while self._late:
            super().reply(pipe, self._late.pop(0))


def presence(user: str, state: str, *devices: str) -> bytes:
    """What the presence service publishes."""
    return encode(Presence(user_id=user, state=state, devices=list(devices), last_seen=None))


def port_of(url: str) -> int:
    return urlsplit(url).port or 6379


@pytest.mark.parametrize("fault", ["cut", "stall"])
async def test_what_was_said_while_an_edge_heard_nothing_comes_within_5_seconds_of_its_return(
    fault: str, new_edge: Any, redis_url: str
) -> None:
    async with TcpProxy(port_of(redis_url)) as proxy:
        deaf_url = f"redis://127.0.0.1:{proxy.port}"
        async with (
            new_edge(redis_url=deaf_url) as deaf,
            new_edge() as hearing,
            deaf.client() as listener,
            hearing.client() as speaker,
        ):
            await listener.auth("ann", "listener", capabilities=["ack"])
            await speaker.auth("ann", "speaker", capabilities=["ack"])

            getattr(proxy, fault)()
            for number in range(5):
                await speaker.text(f"text {number}")
                await speaker.receive("ack")
            proxy.heal()
            async with asyncio.timeout(5):
                seqs = [(await listener.receive("text"))["seq"] for _ in range(5)]
            await listener.quiet()

    assert seqs == [1, 2, 3, 4, 5]


async def test_a_feed_that_is_silent_is_noticed_without_any_other_sign(
    new_edge: Any, redis_url: str
) -> None:
    """Only the connections that are open now are silent: commands go over new ones."""
    async with TcpProxy(port_of(redis_url)) as proxy:
        deaf_url = f"redis://127.0.0.1:{proxy.port}"
        async with (
            new_edge(redis_url=deaf_url) as deaf,
            new_edge() as hearing,
            deaf.client() as listener,
            hearing.client() as speaker,
        ):
            await listener.auth("ann", "listener", capabilities=["ack"])
            await speaker.auth("ann", "speaker", capabilities=["ack"])

            for pipe in proxy.connections:
                pipe.is_deaf = True
            await speaker.text("hello")
            async with asyncio.timeout(8):
                heard = await listener.receive("text")

    assert heard["seq"] == 1


async def test_while_redis_is_away_sockets_stay_and_texts_are_unavailable(
    new_edge: Any, redis_url: str
) -> None:
    async with (
        TcpProxy(port_of(redis_url)) as proxy,
        new_edge(redis_url=f"redis://127.0.0.1:{proxy.port}") as edge,
        edge.client() as client,
        httpx.AsyncClient(base_url=edge.admin_url) as admin,
    ):
        await client.auth("ann", capabilities=["ack"])
        proxy.cut()
        await client.text("hello", message_id="m1")
        error = await client.receive("error")
        ready = (await admin.get("/readyz")).status_code
        await client.quiet()
        proxy.heal()
        await asyncio.sleep(error["retry_after_ms"] / 1000)
        await client.text("hello", message_id="m1")
        ack = await client.receive("ack")

    assert (error["code"], error["message_id"]) == ("UNAVAILABLE", "m1")
    assert ready == 200
    assert (ack["message_id"], ack["seq"]) == ("m1", 1)


async def test_a_client_that_comes_while_redis_is_away_is_let_in_when_it_is_back(
    new_edge: Any, redis_url: str
) -> None:
    async with (
        TcpProxy(port_of(redis_url)) as proxy,
        new_edge(redis_url=f"redis://127.0.0.1:{proxy.port}") as edge,
        edge.client() as client,
    ):
        proxy.cut()
        await client.send("auth", user_id="ann", device_id="phone")
        error = await client.receive("error")
        proxy.heal()
        system = await client.receive("system")

    assert error["code"] == "UNAVAILABLE"
    assert system["recovered"] is False


async def test_an_append_whose_reply_is_lost_is_acked_once_and_logged_once(
    new_edge: Any, redis_url: str
) -> None:
    async with (
        RedisProxy(port_of(redis_url)) as proxy,
        new_edge(redis_url=f"redis://127.0.0.1:{proxy.port}") as edge,
        edge.client() as client,
    ):
        await client.auth("ann", capabilities=["ack"])

        for number in range(5):
            proxy.cut_before_reply(lambda command: name_of(command) == APPEND)
            await client.text("hello", message_id=f"m{number}")
            ack = await client.receive("ack")
            assert (ack["message_id"], ack["seq"]) == (f"m{number}", number + 1)
        await client.quiet()
        await client.command("get_history")
        history = await client.receive("history")

        assert proxy.cut_replies[APPEND] == 5
    assert [frame["seq"] for frame in history["messages"]] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("fault", ["cut", "stall"])
async def test_who_came_while_an_edge_heard_nothing_is_told_to_those_who_watch(
    fault: str, new_edge: Any, redis_url: str, redis_client: RedisClient, keys: Keys
) -> None:
    async with (
        TcpProxy(port_of(redis_url)) as proxy,
        new_edge(redis_url=f"redis://127.0.0.1:{proxy.port}") as deaf,
        new_edge() as hearing,
        deaf.client() as watching,
    ):
        session = SessionId((await watching.auth("ann", capabilities=["presence"]))["session_id"])
        await RedisMemberships(redis_client, keys).set_role(
            session, UserId("bob"), role=Role.MEMBER, by=UserId("ann")
        )
        await watching.command("get_presence", user_ids=["bob"])
        before = (await watching.receive("system"))["presence"][0]

        getattr(proxy, fault)()
        async with hearing.client() as bob:
            await bob.auth("bob", "tablet")
            channel, frame = keys.watch(UserId("bob")), presence("bob", "online", "tablet")
            await redis_client.command(redis_client.publish_verb, channel, frame, key=channel)
            proxy.heal()
            told = await watching.until("presence", user_id="bob")

    assert before["state"] == "offline"
    assert (told["state"], told["devices"]) == ("online", ["tablet"])


async def test_an_answer_that_is_late_does_not_come_after_what_happened_since(
    new_edge: Any, redis_url: str, agent: Any
) -> None:
    channel, frame = agent.keys.watch(UserId("ann")), presence("ann", "offline")
    async with (
        LateAnswers(port_of(redis_url)) as proxy,
        new_edge(redis_url=f"redis://127.0.0.1:{proxy.port}") as edge,
        edge.client() as early,
        edge.client() as late,
    ):
        for device, client in (("early", early), ("late", late)):
            await client.auth("ann", device, capabilities=["presence"])
        await early.command("get_presence", user_ids=["ann"])
        async with asyncio.timeout(5):
            await proxy.answered.wait()
        proxy.release()
        await early.receive("system")

        proxy.answered.clear()
        await late.command("get_presence", user_ids=["ann"])
        async with asyncio.timeout(5):
            await proxy.answered.wait()
        await agent.redis.command(agent.redis.publish_verb, channel, frame, key=channel)
        await early.receive("presence")
        proxy.release()
        answer = await late.receive("system")
        told = await late.receive("presence")

    assert (answer["presence"][0]["state"], told["state"]) == ("online", "offline")


async def test_everybody_who_saw_a_tail_that_was_lost_is_told(edge: Any, agent: Any) -> None:
    async with edge.client() as one, edge.client() as two:
        system = await one.auth("ann", "one", capabilities=["ack"])
        await two.auth("ann", "two", capabilities=["ack"])
        for number in range(4):
            await one.text(f"text {number}", message_id=f"m{number}")
            await one.receive("ack")
            await two.receive("text")

        await agent.lose_tail(system["session_id"], count=2)
        await two.text("after", message_id="after")
        told = [await client.until("system") for client in (one, two)]
        ack = await two.receive("ack") if "after" not in str(told[1]) else None

    for frame in told:
        assert frame["recovered"] is False
        assert [event["message_id"] for event in frame["history"]][:2] == ["m0", "m1"]
    assert ack is None or ack["seq"] == 3


async def test_a_lost_tail_is_told_though_nobody_writes(edge: Any, agent: Any) -> None:
    async with edge.client() as client:
        system = await client.auth("ann", capabilities=["ack"])
        for number in range(3):
            await client.text(f"text {number}", message_id=f"m{number}")
            await client.receive("ack")

        await agent.lose_tail(system["session_id"], count=1)
        async with asyncio.timeout(15):
            told = json.loads(await client.socket.recv())

    assert told["recovered"] is False
    assert (told["seq"], told["id"]) == (2, "m1")


async def test_a_frame_that_was_never_published_is_found(edge: Any, agent: Any) -> None:
    """The next frame shows the hole; what lies in it comes first."""
    async with edge.client() as reader, edge.client() as writer:
        system = await reader.auth("ann", "reader", capabilities=["ack"])
        await writer.auth("ann", "writer", capabilities=["ack"])
        await writer.text("one")
        await reader.receive("text")
        names = agent.keys.session(system["session_id"])

        hidden = '{"type":"text","seq":2,"message_id":"hidden"}'
        fields = ("f", hidden, "m", "hidden", "t", "text", "o", "-")
        await agent.redis.command("XADD", names.log, "2-0", *fields, key=names.log)
        await agent.redis.command("HSET", names.meta, "seq", 2, "id", "hidden", key=names.meta)
        await writer.text("three")
        seen = [(await reader.receive("text"))["seq"] for _ in range(2)]

    assert seen == [2, 3]


async def test_an_edge_that_was_taken_for_dead_registers_its_connections_again(
    edge: Any,
    redis_client: RedisClient,
    keys: Keys,
    connections: RedisConnections,
    eventually: Any,
) -> None:
    processes = RedisProcesses(redis_client, keys)
    async with edge.client() as client:
        await client.auth("ann", "phone")
        (process,) = await processes.alive()

        reaped = await processes.reap(process)

        async def is_back() -> bool:
            (found,) = await connections.whereabouts([UserId("ann")])
            return len(found.connections) == 1

        await eventually(is_back, within=6)
        await client.quiet()

    assert reaped == 1


async def test_an_edge_without_redis_says_so_and_does_not_start(new_edge: Any) -> None:
    edge = new_edge(redis_url="redis://127.0.0.1:1")
    edge.start()
    try:
        code = await edge.wait_exit(within=30)
        log = edge.log()
    finally:
        edge.end()

    assert code == 1
    assert "Redis did not answer" in log
