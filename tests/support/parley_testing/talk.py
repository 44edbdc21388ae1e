"""A user who talks through Redis as an edge would, and workers as processes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from secrets import token_hex
from typing import Any

import msgspec

from parley_core.domain import server_frames
from parley_core.domain.changes import read_change
from parley_core.domain.client_frames import Strategy
from parley_core.domain.events import Mail, MailKind
from parley_core.domain.ids import (
    ConnectionId,
    DeviceId,
    MessageId,
    ProcessId,
    SessionId,
    TurnId,
    UserId,
)
from parley_core.domain.live import NO_ORIGIN, unpack
from parley_core.domain.server_frames import (
    Delta,
    Error,
    Event,
    InputRequest,
    System,
    Text,
    Turn,
)
from parley_core.redis.client import RedisClient
from parley_core.redis.conversations import RedisConversations
from parley_core.redis.feed import RedisFeed
from parley_core.redis.keys import Keys
from parley_testing.ports import free_port
from parley_testing.processes import ServiceProcess

AGENTS = Path(__file__).with_name("agents.py")
PATIENCE = 40.0
"""Seconds; a lease that has to expire takes ten at most."""


class Talk:
    """One user's session: what is said goes in as from an edge, what comes out is recorded."""

    def __init__(self, store: RedisConversations, session: SessionId, *, user: UserId) -> None:
        self.session = session
        self.deltas: list[Delta] = []
        self.turns: list[Turn] = []
        self.events: list[Event] = []
        self._questions: list[InputRequest] = []
        self._store = store
        self.user = user
        self._ends: dict[str, server_frames.AnyServerFrame] = {}
        self._news = asyncio.Event()

    async def say(
        self, text: str, *, strategy: Strategy = Strategy.ENQUEUE, plain: bool = False
    ) -> TurnId:
        """`plain`: as a client that cannot answer questions in any other way."""
        value = msgspec.json.encode(text) if plain else b""
        return await self._say(MailKind.TEXT, text, value, strategy=strategy)

    async def reply(self, interrupt: str, value: object) -> None:
        """Answer a question."""
        told = msgspec.json.encode(value)
        await self._say(MailKind.ANSWER, str(value), told, interrupt_id=interrupt)

    async def _say(self, kind: MailKind, text: str, value: bytes, **more: Any) -> TurnId:
        name = MessageId(token_hex(8))
        frame = Text(
            message_id=name,
            session_id=self.session,
            role="user",
            user_id=self.user,
            content=text,
        )
        mail = Mail(
            kind=kind,
            message_id=name,
            user_id=self.user,
            device_id=DeviceId("d"),
            content=text,
            **more,
        )
        await self._append(mail, server_frames.encode_open(frame), value=value)
        return TurnId(name)

    async def cancel(self, turn: TurnId | None = None) -> None:
        await self._store.cancel(self.session, user=self.user, turn=turn)

    async def command(self, kind: MailKind, *, topic: str = "") -> TurnId:
        name = MessageId(token_hex(8))
        device = DeviceId("d")
        mail = Mail(kind=kind, message_id=name, user_id=self.user, device_id=device, topic=topic)
        await self._append(mail, b"")
        return TurnId(name)

    async def _append(self, mail: Mail, frame: bytes, *, value: bytes = b"") -> None:
        await self._store.append(self.session, mail, frame=frame, origin=NO_ORIGIN, value=value)

    async def log(self) -> list[server_frames.AnyServerFrame]:
        events, _ = await self._store.history(self.session, before=None, limit=100)
        return [server_frames.decode(event.body) for event in events]

    async def said(self) -> list[str]:
        """The texts in the log, of both sides."""
        return [frame.content for frame in await self.log() if isinstance(frame, Text)]

    async def end_of(self, turn: TurnId) -> server_frames.AnyServerFrame:
        """The log frame that ends a turn."""
        await self._until(lambda: turn in self._ends)
        return self._ends[turn]

    async def answer_to(self, turn: TurnId) -> str:
        """What the agent answers; fails if the turn ends otherwise."""
        end = await self.end_of(turn)
        assert isinstance(end, Text), end
        return end.content

    async def answer(self, text: str) -> str:
        """Say something; what the agent answers."""
        return await self.answer_to(await self.say(text))

    async def failure_of(self, turn: TurnId) -> Error:
        """How a turn failed; fails if it did not."""
        end = await self.end_of(turn)
        assert isinstance(end, Error), end
        return end

    async def question(self, *, times: int = 1) -> dict[str, object]:
        """What the agent has asked when it asked for the so-manieth time: values by interrupt."""
        await self._until(lambda: len(self._questions) >= times)
        return {each.interrupt_id: each.value for each in self._questions[times - 1].interrupts}

    async def node(self, name: str) -> None:
        """Until a node is shown to run."""
        await self._until(lambda: any(frame.node == name for frame in self.turns))

    async def first_delta(self, turn: TurnId) -> None:
        """Until something of the turn's answer is seen."""
        await self._until(lambda: any(delta.turn_id == turn for delta in self.deltas))

    def streamed(self, turn: TurnId) -> str:
        """The deltas of the turn's newest attempt, joined by their offsets."""
        deltas = [delta for delta in self.deltas if delta.turn_id == turn]
        newest = max(delta.attempt for delta in deltas)
        text = ""
        for delta in deltas:
            if delta.attempt == newest:
                assert delta.offset == len(text), deltas
                text += delta.text
        return text

    def hear(self, _channel: str, payload: bytes) -> None:
        if read_change(payload):
            return
        frame = server_frames.decode(unpack(payload).body)
        match frame:
            case Delta():
                self.deltas.append(frame)
            case Turn():
                self.turns.append(frame)
            case Event():
                self.events.append(frame)
            case InputRequest():
                self._questions.append(frame)
            case Text(role="assistant") | Error():
                self._ends[str(frame.turn_id)] = frame
            case System():
                self._ends[str(frame.message_id)] = frame
        self._news.set()

    async def _until(self, predicate: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not predicate():
                self._news.clear()
                await self._news.wait()


def edge_store(client: RedisClient, keys: Keys, *, max_sessions: int = 10) -> RedisConversations:
    """Sessions as an edge sees them."""
    return RedisConversations(
        client,
        keys,
        process=ProcessId("edge/test"),
        nonce=lambda: token_hex(8),
        rate_text=1000,
        burst=1000,
        kept=1000,
        max_sessions=max_sessions,
    )


@asynccontextmanager
async def new_talk(
    client: RedisClient, keys: Keys, store: RedisConversations
) -> AsyncIterator[Talk]:
    """A new session of a new user, listened to."""
    user = UserId(f"user-{token_hex(4)}")
    opened = await store.open(
        user, device=DeviceId("d"), connection=ConnectionId(token_hex(4)), new=token_hex(8)
    )
    talk = Talk(store, opened.session, user=user)
    feed = RedisFeed(client, name="talk")
    feed.listen(on_message=talk.hear, on_gap=lambda _channels: None)
    await feed.start()
    await feed.subscribe(keys.session(opened.session).channel)
    try:
        yield talk
    finally:
        await feed.aclose()


class Counters:
    """What the graphs of `agents` count and wait for."""

    def __init__(self, client: RedisClient, prefix: str) -> None:
        self._client = client
        self._prefix = prefix

    async def ran(self, node: str) -> int:
        """How often a node was begun."""
        return int(await self._client.command("GET", f"{self._prefix}:ran:{node}") or 0)

    async def until_running(self, node: str, *, times: int = 1) -> None:
        async with asyncio.timeout(PATIENCE):
            while await self.ran(node) < times:
                await asyncio.sleep(0.02)

    async def open_gate(self) -> None:
        """Let `second` go on, now and later."""
        await self._client.command("SET", f"{self._prefix}:gate", 1)


class Workers:
    """Workers as processes, ended with the test."""

    def __init__(self, stack: AsyncExitStack, env: dict[str, str]) -> None:
        self._stack = stack
        self._env = env

    async def start(self, graph: str = "", **env: str) -> ServiceProcess:
        """A ready worker that runs a graph of `agents`, or the default one."""
        http = {"HTTP_PORT": str(free_port()), "WEBSOCKET_HOST": "127.0.0.1"}
        chosen = {"PARLEY_GRAPH": f"{AGENTS}:{graph}"} if graph else {}
        process = ServiceProcess(
            "parley_conversation",
            admin_port=free_port(),
            env={**self._env, "SERVER_ID": f"worker-{token_hex(2)}", **http, **chosen, **env},
        )
        return await self._stack.enter_async_context(process)
