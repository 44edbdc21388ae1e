"""The edge's HTTP API in the test's own process, on a real Redis."""

from __future__ import annotations

from dataclasses import dataclass, field
from secrets import token_hex
from time import monotonic

import httpx
from starlette.applications import Starlette

from parley_core.authentication import BelievingAuthenticator
from parley_core.domain.ids import ConnectionId, DeviceId, ProcessId, SessionId, UserId
from parley_core.http_api import PROBLEMS, Askers
from parley_core.redis.announcements import RedisAnnouncements
from parley_core.redis.client import RedisClient
from parley_core.redis.conversations import RedisConversations
from parley_core.redis.keys import Keys
from parley_core.redis.memberships import RedisMemberships
from parley_edge.api import EdgeApi
from parley_edge.membership_api import MembershipApi

TOKEN = "s3cret"
BACK_END = {"Authorization": f"Bearer {TOKEN}"}
ANN = {"X-Parley-User": "ann"}
EVE = {"X-Parley-User": "eve"}


@dataclass
class EdgeApiPlace:
    """`rate` and `burst` of texts, as the settings have them."""

    client: RedisClient
    keys: Keys
    rate: float = 1000
    burst: int = 1000
    service_token: str = TOKEN
    conversations: RedisConversations = field(init=False)

    def __post_init__(self) -> None:
        self.conversations = RedisConversations(
            self.client,
            self.keys,
            process=ProcessId("edge/test"),
            nonce=lambda: token_hex(8),
            rate_text=self.rate,
            burst=self.burst,
            kept=1000,
            max_sessions=2,
        )

    def app(self) -> Starlette:
        askers = Askers(BelievingAuthenticator(), service_token=self.service_token)
        api = EdgeApi(
            askers,
            self.conversations,
            RedisAnnouncements(self.client, self.keys, kept=1000),
            new_id=lambda: token_hex(12),
            clock=monotonic,
        )
        members = MembershipApi(askers, RedisMemberships(self.client, self.keys))
        return Starlette(routes=[*api.routes(), *members.routes()], exception_handlers=PROBLEMS)

    def http(self) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(app=self.app())
        return httpx.AsyncClient(transport=transport, base_url="http://edge")

    async def new_session(self, user: str = "ann") -> SessionId:
        opened = await self.conversations.open(
            UserId(user),
            device=DeviceId("phone"),
            connection=ConnectionId(token_hex(4)),
            new=token_hex(8),
        )
        return opened.session
