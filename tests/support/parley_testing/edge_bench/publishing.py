"""Events from outside of the edge, put into sessions as another edge would do it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from itertools import count
from typing import Any, Self

import msgspec

from parley_core.domain.events import Mail, MailKind
from parley_core.domain.ids import (
    ConnectionId,
    DeviceId,
    MessageId,
    SessionId,
    UserId,
    process_id,
)
from parley_core.domain.members import ReplyMode
from parley_core.domain.server_frames import Text, encode_open
from parley_core.redis.client import RedisClient
from parley_core.redis.conversations import RedisConversations
from parley_core.redis.keys import Keys
from parley_core.redis.memberships import RedisMemberships
from parley_testing.edge_bench.devices import Device

_ELSEWHERE = "elsewhere"


def wire_text(content: str, *, session: str) -> bytes:
    """The frame that a server without a log sends for a text."""
    text = Text(
        message_id="m", session_id=session, role="user", device_id=_ELSEWHERE, content=content
    )
    return msgspec.json.encode(text)


class SessionPublisher:
    """Appends through the store's own adapter."""

    def __init__(self, url: str) -> None:
        self.keys = Keys()
        self.client = RedisClient(url, name="bench")
        self._memberships = RedisMemberships(self.client, self.keys)
        self._numbers = count()
        self._calls: set[asyncio.Future[Any]] = set()

    async def __aenter__(self) -> Self:
        await self.client.start()
        self.conversations = RedisConversations(
            self.client,
            self.keys,
            process=process_id("bench", boot="0"),
            nonce=lambda: f"{next(self._numbers):x}",
            rate_text=1_000_000,
            burst=1_000_000,
            kept=1_000,
            max_sessions=10,
        )
        return self

    async def __aexit__(self, *exc: object) -> None:
        await asyncio.gather(*self._calls, return_exceptions=True)
        await self.client.aclose()

    def publish(self, to: Device, content: str) -> None:
        """Into its session, as from another connection; it is not waited for."""
        self._keep(self.append(to, content, message_id=f"p{next(self._numbers)}"))

    async def append(self, to: Device, content: str, *, message_id: str) -> None:
        """A text of the device's user. Raises `Refused`, `Unavailable`."""
        session = SessionId(to.session)
        name, device = MessageId(message_id), DeviceId(_ELSEWHERE)
        frame = Text(
            message_id=name,
            session_id=session,
            role="user",
            user_id=to.user,
            device_id=device,
            content=content,
        )
        mail = Mail(
            kind=MailKind.TEXT,
            message_id=name,
            user_id=UserId(to.user),
            device_id=device,
            content=content,
        )
        await self.conversations.append(
            session, mail, frame=encode_open(frame), origin=ConnectionId(_ELSEWHERE)
        )

    async def hush(self, sessions: Iterable[str]) -> None:
        """No agent runs, and none is asked: texts of these sessions are logged and published."""
        await asyncio.gather(
            *(
                self._memberships.set_reply(SessionId(session), ReplyMode.NEVER, by=None)
                for session in sessions
            )
        )

    def _keep(self, call: Awaitable[Any]) -> None:
        future = asyncio.ensure_future(call)
        self._calls.add(future)
        future.add_done_callback(self._calls.discard)
