"""The session store of a test: its adapters for an edge and two workers, and what Redis holds."""

from __future__ import annotations

import asyncio
from binascii import crc_hqx
from collections.abc import Awaitable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

from parley_core.domain import server_frames
from parley_core.domain.client_frames import Position, Strategy
from parley_core.domain.events import (
    Accepted,
    Asked,
    Attachment,
    Begun,
    Lease,
    Mail,
    MailKind,
    Opened,
    TurnStatus,
)
from parley_core.domain.ids import (
    ConnectionId,
    DeviceId,
    MessageId,
    Partition,
    ProcessId,
    Seq,
    SessionId,
    Token,
    TurnId,
    UserId,
    partition_of,
)
from parley_core.domain.members import Role
from parley_core.redis.announcements import RedisAnnouncements
from parley_core.redis.branches import RedisBranches
from parley_core.redis.client import RedisClient
from parley_core.redis.conversations import RedisConversations
from parley_core.redis.keys import Keys, PartitionKeys, SessionKeys
from parley_core.redis.lists import SessionLists
from parley_core.redis.memberships import RedisMemberships
from parley_core.redis.scripts import script
from parley_core.redis.work import RedisWork

ANN = UserId("ann")
EDGE, WORKER, OTHER_WORKER = map(ProcessId, ("edge/1", "work:er/1", "work:er/2"))
PHONE, TAB = DeviceId("phone"), ConnectionId("tab-1")
STRANGER = Token("999:work:er/1:nobody")
"""A token that no claim has given."""
SLOTS = 16_384


def user_per_node() -> Iterator[UserId]:
    """Three users whose keys live on three nodes of a Cluster with three."""
    for node in range(3):
        yield next(user for user in map(UserId, map(str, count())) if _node_of(user) == node)


def _node_of(user: UserId) -> int:
    # The slot of a hash tag is its CRC16, XMODEM's.
    tag = f"{partition_of(user):02x}".encode()
    return crc_hqx(tag, 0) % SLOTS * 3 // SLOTS


@dataclass
class SessionStore:
    """`kept`: events of a log; a user may append `burst` times, and is then limited for good."""

    client: RedisClient
    keys: Keys
    user: UserId = ANN
    kept: int = 1_000
    burst: int = 1_000
    max_sessions: int = 3

    def __post_init__(self) -> None:
        self.numbers = count(1)
        self.fixed_nonce = ""
        self.conversations = RedisConversations(
            self.client,
            self.keys,
            process=EDGE,
            nonce=self.nonce,
            rate_text=1e-6,
            burst=self.burst,
            kept=self.kept,
            max_sessions=self.max_sessions,
        )
        self.memberships = RedisMemberships(self.client, self.keys)
        self.lists = SessionLists(self.client, self.keys)
        self.branches = RedisBranches(
            self.client, self.keys, nonce=self.nonce, max_sessions=self.max_sessions
        )
        self.announcements = RedisAnnouncements(self.client, self.keys, kept=self.kept)
        self.work, self.other_work = (
            RedisWork(self.client, self.keys, process=process, kept=self.kept)
            for process in (WORKER, OTHER_WORKER)
        )

    def nonce(self) -> str:
        """A new one each time, unless the test has fixed it."""
        return self.fixed_nonce or f"{next(self.numbers):08x}"

    @property
    def partition(self) -> Partition:
        return partition_of(self.user)

    @property
    def shared(self) -> PartitionKeys:
        return self.keys.partition(self.partition)

    def names(self, session: SessionId) -> SessionKeys:
        return self.keys.session(session)

    async def contents(self) -> dict[str, bytes]:
        """A DUMP of every key of the partition."""
        pattern, home = f"{self.keys.tagged(self.partition)}:*", self.shared.ready
        names: list[bytes] = await self.client.command("KEYS", pattern, key=home)
        dumps = await asyncio.gather(
            *(self.client.command("DUMP", name, key=home) for name in names)
        )
        return {name.decode(): dump for name, dump in zip(names, dumps, strict=True)}

    async def lifetimes(self) -> dict[str, int]:
        """Milliseconds that every key of the partition will live; -1: for ever."""
        home = self.shared.ready
        names = list(await self.contents())
        lives = await asyncio.gather(
            *(self.client.command("PTTL", name, key=home) for name in names)
        )
        return dict(zip(names, lives, strict=True))

    def run(self, *args: str | bytes | float) -> Awaitable[Any]:
        """A plain command on the key that follows it."""
        return self.client.command(*args, key=str(args[1]))

    # What has no adapter of its own:

    async def evict(self, process: ProcessId) -> int:
        """In this partition."""
        shared, claim = self.shared, self.keys.claim(process, partition=self.partition)
        keys = [shared.leases, shared.leased, shared.ready, claim]
        evicted: int = await self.client.script(script("evict"), keys, [process])
        return evicted

    # Steps of many tests:

    async def cancel(self, session: SessionId, turn: str | None = None) -> TurnId:
        named = None if turn is None else TurnId(turn)
        return await self.conversations.cancel(session, user=self.user, turn=named)

    async def seen(self, session: SessionId, seq: int) -> None:
        await self.conversations.seen(session, user=self.user, device=PHONE, seq=Seq(seq))

    async def set_role(self, session: SessionId, user: UserId, role: Role | None) -> None:
        """As the owner asks; None: out of the session."""
        if role is None:
            await self.memberships.remove(session, user, by=self.user)
        else:
            await self.memberships.set_role(session, user, role=role, by=self.user)

    async def open(self, **how: Any) -> Opened:
        return await self.conversations.open(self.user, device=PHONE, connection=TAB, **how)

    async def new_session(self) -> SessionId:
        """The user's first."""
        return (await self.open()).session

    async def attach(self, session: SessionId, at: Position | None) -> Attachment:
        found = await self.conversations.attach(session, user=self.user, position=at)
        assert found is not None
        return found

    async def position(self, session: SessionId) -> Position:
        """Of a reader who has everything."""
        top = await self.conversations.top(session)
        assert top is not None
        return Position(top.epoch, top.seq, top.id)

    async def delete(self, *names: str) -> None:
        await self.client.command("DEL", *names, key=names[0])

    async def say(
        self,
        session: SessionId,
        message: str,
        *,
        content: str = "hi",
        kind: MailKind = MailKind.TEXT,
        user: UserId | None = None,
        strategy: Strategy = Strategy.ENQUEUE,
        after: int | None = None,
        interrupt: str = "",
        value: bytes = b"",
    ) -> Accepted:
        user = user or self.user
        mail = Mail(
            *(kind, MessageId(message), user, PHONE, content),
            interrupt_id=interrupt,
            strategy=strategy,
            after=after,
        )
        frame = text_frame(session, message, content) if kind in _LOGGED else b""
        return await self.conversations.append(session, mail, frame=frame, origin=TAB, value=value)

    async def answer(self, session: SessionId, message: str, interrupt: str = "i1") -> Accepted:
        return await self.say(
            session, message, kind=MailKind.ANSWER, interrupt=interrupt, value=b'"yes"'
        )

    async def ask(self, lease: Lease, turn: str, *interrupts: str) -> Seq:
        """The turn asks a question with each of the interrupts."""
        frame = text_frame(lease.session, "q", "which one?", role="assistant")
        asked = Asked(MessageId("q"), frame, interrupts or ("i1",))
        return await self.work.wait(lease, turn=TurnId(turn), asked=asked, checkpoint="k2")

    async def claim(self, *, room: int = 1, work: RedisWork | None = None) -> Lease:
        (lease,) = await (work or self.work).claim(
            room=room, partition=self.partition, nonce=self.nonce()
        )
        return lease

    async def begin(
        self, lease: Lease, turn: str, *, base: str = "", checkpoint: str = "", nonce: str = ""
    ) -> tuple[Begun, Lease]:
        begun = await self.work.begin(
            lease,
            turn=TurnId(turn),
            base=base,
            checkpoint=checkpoint,
            nonce=nonce or self.nonce(),
        )
        return begun, Lease(lease.session, begun.token)

    async def end(
        self,
        lease: Lease,
        turn: str,
        *,
        status: TurnStatus = TurnStatus.DONE,
        content: str = "well",
        release: bool = True,
    ) -> Seq:
        return await self.work.commit(
            lease,
            turn=TurnId(turn),
            answer=MessageId(f"a-{turn}"),
            type="text",
            frame=text_frame(lease.session, f"a-{turn}", content, role="assistant"),
            status=status,
            checkpoint="k9",
            release=release,
        )

    async def let_expire(self, session: SessionId) -> None:
        """As if nobody had renewed the session's lease for its life."""
        await self.run("ZADD", self.shared.leased, "XX", 1, session)
        # Not by the silence of those who sweep: they extend every lease.
        await self.swept(ago=0)

    async def was_kept(self, session: SessionId, *, ago: int) -> None:
        """As if the ends of the session's keys had been looked at so many milliseconds ago."""
        await self.run("HSET", self.names(session).meta, "kept", await self.now() - ago)

    async def swept(self, *, ago: float) -> None:
        """As if the partition's last sweep had been so many seconds ago."""
        await self.run("SET", self.shared.sweep, await self.now() - round(ago * 1000))

    async def now(self) -> int:
        """Redis's time in milliseconds."""
        seconds, micros = await self.client.command("TIME", key=self.shared.ready)
        return int(seconds) * 1000 + int(micros) // 1000


_LOGGED = {MailKind.TEXT, MailKind.ANSWER}


def text_frame(session: SessionId, message: str, content: str, *, role: str = "user") -> bytes:
    """A log frame as a service hands it to the store."""
    return server_frames.encode_open(
        server_frames.Text(message_id=message, session_id=session, role=role, content=content)
    )
