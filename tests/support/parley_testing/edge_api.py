"""The edge's HTTP API in the test's own process, on a real Redis."""

from __future__ import annotations

from dataclasses import dataclass, field
from secrets import token_hex
from time import monotonic

import httpx
from starlette.applications import Starlette

from parley_core.authentication import BelievingAuthenticator
from parley_core.domain.ids import ConnectionId, DeviceId, ProcessId, SessionId, UserId
from parley_core.domain.presence import stamp
from parley_core.http_api import PROBLEMS
from parley_core.redis.announcements import RedisAnnouncements
from parley_core.redis.client import RedisClient
from parley_core.redis.connections import RedisConnections
from parley_core.redis.conversations import RedisConversations
from parley_core.redis.feed import RedisFeed
from parley_core.redis.keys import Keys
from parley_core.redis.memberships import RedisMemberships
from parley_core.tasks import Tasks
from parley_edge.departures import Departures
from parley_edge.domain.greeting import Server
from parley_edge.edge import Edge
from parley_edge.http.routes import http_routes
from parley_edge.hub import Hub
from parley_edge.roster import Roster
from parley_edge.upkeep import Upkeep
from parley_edge.websocket.handshakes import Admission

PROCESS = ProcessId("edge/test")
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
            process=PROCESS,
            nonce=lambda: token_hex(8),
            rate_text=self.rate,
            burst=self.burst,
            kept=1000,
            max_sessions=2,
        )

    def edge(self) -> Edge:
        """As `parley_edge.app` makes it, without what runs by itself."""
        connections = RedisConnections(self.client, self.keys, process=PROCESS)
        feed = RedisFeed(self.client, name="test-feed")
        memberships = RedisMemberships(self.client, self.keys)
        upkeep = Upkeep(self.conversations, connections)
        return Edge(
            server=Server("edge-1", 30_000),
            conversations=self.conversations,
            memberships=memberships,
            connections=connections,
            authenticator=BelievingAuthenticator(),
            hub=Hub(feed, keys=self.keys, upkeep=upkeep, clock=monotonic),
            roster=Roster(),
            departures=Departures(connections),
            tasks=Tasks(),
            clock=monotonic,
            now=lambda: stamp(0),
            new_id=lambda: token_hex(12),
            user_limit=20,
            connection_limit=0,
            silence_limit=300.0,
        )

    def app(self) -> Starlette:
        routes = http_routes(
            self.edge(),
            announcements=RedisAnnouncements(self.client, self.keys, kept=1000),
            admission=Admission(rate=1000.0, clock=monotonic),
            service_token=self.service_token,
        )
        return Starlette(routes=routes, exception_handlers=PROBLEMS)

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
