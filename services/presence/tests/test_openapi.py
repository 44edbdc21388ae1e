from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from parley_core.authentication import BelievingAuthenticator
from parley_core.domain.events import ProcessInfo
from parley_core.domain.ids import ConnectionId, DeviceId, ProcessId, UserId
from parley_core.redis.client import RedisClient
from parley_core.redis.connections import RedisConnections
from parley_core.redis.keys import Keys
from parley_core.redis.processes import RedisProcesses
from parley_presence.api import PresenceApi
from parley_presence.openapi import openapi_document
from parley_testing.schemas import described, mismatches, referred, served

EDGE = ProcessId("edge-1/a")
BACK_END = {"Authorization": "Bearer s3cret"}


@pytest.fixture
def api(redis_client: RedisClient, keys: Keys) -> PresenceApi:
    return PresenceApi(
        connections=RedisConnections(redis_client, keys, process=EDGE),
        processes=RedisProcesses(redis_client, keys),
        authenticator=BelievingAuthenticator(),
        service_token="s3cret",
    )


@pytest_asyncio.fixture
async def client(
    api: PresenceApi, redis_client: RedisClient, keys: Keys
) -> AsyncIterator[httpx.AsyncClient]:
    """One user is here with one of two tabs, and one process lives."""
    connections = RedisConnections(redis_client, keys, process=EDGE)
    ann, phone = UserId("ann"), DeviceId("phone")
    await connections.enter(ann, device=phone, connection=ConnectionId("c1"))
    await connections.enter(ann, device=phone, connection=ConnectionId("c2"))
    await connections.leave(ann, connection=ConnectionId("c2"))
    await RedisProcesses(redis_client, keys).beat(EDGE, ProcessInfo(kind="edge", started=1.0))
    transport = httpx.ASGITransport(app=api.app())
    async with httpx.AsyncClient(transport=transport, base_url="http://presence") as client:
        yield client


def test_the_document_names_exactly_the_routes(api: PresenceApi) -> None:
    assert described(openapi_document()) == served(api.app())


def test_every_schema_that_is_referred_to_is_there() -> None:
    document = openapi_document()

    assert referred(document) == set(document["components"]["schemas"])


@pytest.mark.parametrize(
    ("described", "path", "headers", "status"),
    [
        ("/v1/presence/{user}", "/v1/presence/ann", BACK_END, "200"),
        ("/v1/presence/{user}", "/v1/presence/eve", BACK_END, "200"),
        ("/v1/presence/{user}", "/v1/presence/", BACK_END, "400"),
        ("/v1/presence/{user}", "/v1/presence/ann", {}, "401"),
        ("/v1/presence/{user}", "/v1/presence/ann", {"X-Parley-User": "eve"}, "403"),
        ("/v1/presence", "/v1/presence?users=ann,eve", BACK_END, "200"),
        ("/v1/presence", "/v1/presence", BACK_END, "400"),
        ("/v1/processes", "/v1/processes", BACK_END, "200"),
        ("/v1/processes", "/v1/processes", {"X-Parley-User": "eve"}, "403"),
    ],
)
async def test_replies_are_as_described(
    client: httpx.AsyncClient, described: str, path: str, headers: dict[str, str], status: str
) -> None:
    document = (await client.get("/openapi.json")).json()

    reply = await client.get(path, headers=headers)

    responses = document["paths"][described]["get"]["responses"]
    schema = responses[status]["content"]["application/json"]["schema"]
    assert str(reply.status_code) == status
    assert mismatches(reply.json(), schema, document) == []


def test_a_reply_that_is_not_as_described_would_be_noticed() -> None:
    document = openapi_document()
    schema = {"$ref": "#/components/schemas/Problem"}

    assert mismatches({"code": 1, "extra": True}, schema, document) == [
        "message is missing",
        "extra is not described",
        "code: 1 is no string",
    ]
