"""A real edge on a real Redis, clients for it, and an agent that answers without a graph."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass

import pytest

from parley_core.domain.events import Asked, Inbox, Lease, Stop, TurnStatus
from parley_core.domain.ids import MessageId, ProcessId, SessionId, TurnId, session_partition
from parley_core.domain.server_frames import (
    Event,
    InputRequest,
    Interrupt,
    Text,
    Turn,
    encode,
    encode_open,
)
from parley_core.redis.client import RedisClient
from parley_core.redis.connections import RedisConnections
from parley_core.redis.conversations import RedisConversations
from parley_core.redis.keys import Keys
from parley_core.redis.work import RedisWork
from parley_testing.ports import free_port
from parley_testing.processes import ServiceProcess
from parley_testing.wire import WireClient


class Edge(ServiceProcess):
    """`python -m parley_edge`."""

    def __init__(self, redis_url: str, prefix: str, **env: str) -> None:
        self.port = int(env.get("WEBSOCKET_PORT") or free_port())
        self.prefix = prefix
        settings = {
            "REDIS_URL": redis_url,
            "KEY_PREFIX": prefix,
            "WEBSOCKET_HOST": "127.0.0.1",
            "WEBSOCKET_PORT": str(self.port),
            "SERVER_ID": "edge-1",
            "RATE_TEXT": "100000",
            "RATE_TEXT_BURST": "100000",
        }
        super().__init__("parley_edge", admin_port=free_port(), env=settings | env)

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws"

    def client(self) -> WireClient:
        return WireClient(self.url)


class Agent:
    """A worker's side of the store, driven by the test."""

    def __init__(self, client: RedisClient, keys: Keys) -> None:
        self.keys = keys
        self.redis = client
        self._work = RedisWork(client, keys, process=ProcessId("agent/1"))
        self._lease: Lease | None = None
        self._attempt = 0
        self._offset = 0
        self.turn = TurnId("")

    async def take(self, session: str) -> None:
        """Claim the session when it has work, and begin the turn of the input that waits."""
        async with asyncio.timeout(5):
            while not (leases := await self._claim(session)):
                await asyncio.sleep(0.01)
        (self._lease,) = leases
        mail = (await self._work.inbox(self._lease)).mail
        assert mail is not None
        self.turn = TurnId(mail.message_id)
        await self.begin()

    async def _claim(self, session: str) -> tuple[Lease, ...]:
        partition = session_partition(session)
        assert partition is not None
        leases = await self._work.claim(room=64, partition=partition, nonce=secrets.token_hex(8))
        for lease in leases:
            if lease.session != session:  # Of another test on the same edge.
                await self._work.release(lease, counted=False)
        return tuple(lease for lease in leases if lease.session == session)

    async def begin(self) -> None:
        """Another attempt of the turn."""
        begun = await self._work.begin(
            self.lease, turn=self.turn, base="", checkpoint="", nonce=secrets.token_hex(8)
        )
        self._lease = Lease(self.lease.session, begun.token)
        self._attempt, self._offset = begun.attempt, 0

    @property
    def lease(self) -> Lease:
        assert self._lease is not None, "take the session first"
        return self._lease

    async def write(self, text: str) -> None:
        await self._work.delta(
            self.lease, turn=self.turn, attempt=self._attempt, offset=self._offset, text=text
        )
        self._offset += len(text)

    async def commit(self, content: str) -> None:
        """Answer, and hand the session back."""
        answer = MessageId(f"a-{self.turn}")
        frame = Text(
            message_id=answer,
            session_id=self.lease.session,
            role="assistant",
            content=content,
            turn_id=self.turn,
            finish="stop",
        )
        await self._work.commit(
            self.lease,
            turn=self.turn,
            answer=answer,
            type="text",
            frame=encode_open(frame),
            status=TurnStatus.DONE,
            checkpoint="",
            release=True,
        )

    async def ask(self, question: str, *, interrupts: tuple[str, ...] = ("i1",)) -> None:
        """End the turn's step with a question, asked of as many as there are interrupts."""
        message_id = MessageId(f"q-{self.turn}")
        frame = InputRequest(
            message_id=message_id,
            turn_id=self.turn,
            interrupts=[Interrupt(interrupt_id=each, value=question) for each in interrupts],
            session_id=self.lease.session,
        )
        asked = Asked(message_id, encode_open(frame), interrupts)
        await self._work.wait(self.lease, turn=self.turn, asked=asked, checkpoint="")

    async def told(self) -> Stop:
        """Why the turn is to stop, when somebody has said so."""
        async with asyncio.timeout(5):
            while not (stop := await self._work.renew(self.lease)):
                await asyncio.sleep(0.01)
        return stop

    async def inbox(self) -> Inbox:
        """What the session waits for, when it has work again."""
        async with asyncio.timeout(5):
            while not (leases := await self._claim(self.lease.session)):
                await asyncio.sleep(0.01)
        return await self._work.inbox(leases[0])

    async def show(self, node: str, data: object) -> None:
        """What the graph does, and something that it streams."""
        turn = Turn(turn_id=self.turn, attempt=self._attempt, status="running", node=node)
        await self._work.say(self.lease, type="turn", frame=encode(turn))
        event = Event(turn_id=self.turn, name="progress", data=data)
        await self._work.say(self.lease, type="event", frame=encode(event))

    async def clear(self) -> None:
        await self._work.clear(self.lease, turn=self.turn, nonce=secrets.token_hex(8))

    async def answer(self, session: str, content: str) -> None:
        await self.take(session)
        await self.commit(content)

    async def answer_all(self, session: str, *, count: int) -> None:
        for number in range(count):
            await self.answer(session, f"answer {number}")

    async def publish(self, session: str, message: bytes) -> None:
        """Something on the session's channel, as a script would."""
        channel = self.keys.session(SessionId(session)).channel
        await self.redis.command(self.redis.publish_verb, channel, message, key=channel)

    async def lose_tail(self, session: str, *, count: int) -> None:
        """Put the log back to a state without its newest events, as a failover may."""
        names = self.keys.session(SessionId(session))
        entries = await self.redis.command("XREVRANGE", names.log, "+", "-", key=names.log)
        for place, _ in entries[:count]:
            await self.redis.command("XDEL", names.log, place, key=names.log)
        place, fields = entries[count]
        top = int(place.partition(b"-")[0])
        id_ = fields[fields.index(b"m") + 1]
        await self.redis.command("XSETID", names.log, place, key=names.log)
        await self.redis.command("HSET", names.meta, "seq", top, "id", id_, key=names.meta)


@pytest.fixture
async def edge(redis_url: str, prefix: str) -> AsyncIterator[Edge]:
    """One edge under the test's prefix."""
    process = Edge(redis_url, prefix)
    async with process:
        yield process


@pytest.fixture
def new_edge(redis_url: str, prefix: str) -> Callable[..., Edge]:
    """Makes edges, not started, under the test's prefix."""

    def new(**env: str) -> Edge:
        given = {"redis_url": redis_url, "prefix": prefix} | env
        return Edge(given.pop("redis_url"), given.pop("prefix"), **given)

    return new


@pytest.fixture
def agent(redis_client: RedisClient, keys: Keys) -> Agent:
    return Agent(redis_client, keys)


@pytest.fixture
def conversations(redis_client: RedisClient, keys: Keys) -> RedisConversations:
    """The store, for what a test does beside the edge."""
    return RedisConversations(
        redis_client,
        keys,
        process=ProcessId("test/1"),
        nonce=lambda: secrets.token_hex(12),
        rate_text=100_000,
        burst=100_000,
        kept=1_000,
        max_sessions=10,
    )


@pytest.fixture(scope="module")
def shared_edge(redis_url: str) -> Iterator[Edge]:
    """One edge for all tests of a module that leave it as it was."""
    process = Edge(redis_url, f"t{secrets.token_hex(4)}")
    process.start()
    try:
        asyncio.run(process.wait_ready())
        yield process
    finally:
        process.end()


@dataclass
class Pair:
    """Two edges under one prefix."""

    prefix: str
    one: Edge
    two: Edge


@pytest.fixture(scope="module")
def shared_pair(redis_url: str) -> Iterator[Pair]:
    """For all tests of a module, each of which has users of its own."""
    prefix = f"t{secrets.token_hex(4)}"
    pair = Pair(prefix, *(Edge(redis_url, prefix) for _ in range(2)))
    pair.one.start()
    pair.two.start()
    try:
        asyncio.run(pair.one.wait_ready())
        asyncio.run(pair.two.wait_ready())
        yield pair
    finally:
        pair.one.end()
        pair.two.end()


@pytest.fixture
def new_agent(redis_client: RedisClient) -> Callable[[str], Agent]:
    """Makes one for a prefix."""
    return lambda prefix: Agent(redis_client, Keys(prefix))


@pytest.fixture
def connections(redis_client: RedisClient, keys: Keys) -> RedisConnections:
    return RedisConnections(redis_client, keys, process=ProcessId("test/1"))


@pytest.fixture
def eventually() -> Callable[..., Awaitable[None]]:
    """Waits until something is true; fails after `within` seconds."""

    async def wait(is_true: Callable[[], Awaitable[bool]], *, within: float = 5.0) -> None:
        async with asyncio.timeout(within):
            while not await is_true():
                await asyncio.sleep(0.02)

    return wait
