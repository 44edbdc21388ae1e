from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from urllib.parse import quote, urlsplit

import httpx
import pytest
import pytest_asyncio

from parley_core.authentication import BelievingAuthenticator
from parley_core.domain.codes import ErrorCode
from parley_core.domain.errors import Refused
from parley_core.domain.events import ProcessInfo
from parley_core.domain.ids import ConnectionId, DeviceId, ProcessId, UserId
from parley_core.ports import Authenticator
from parley_core.redis.client import RedisClient
from parley_core.redis.connections import RedisConnections
from parley_core.redis.keys import Keys
from parley_core.redis.processes import RedisProcesses
from parley_presence.api import PresenceApi
from parley_testing.redis_proxy import RedisProxy

EDGE = ProcessId("edge-1/a")
TOKEN = "s3cret"
BACK_END = {"Authorization": f"Bearer {TOKEN}"}
ANN = {"X-Parley-User": "ann"}

Connect = Callable[..., httpx.AsyncClient]


class OneToken:
    """An authenticator as it will be: a user is who has the right token."""

    async def verify(self, user: UserId, token: str | None) -> UserId:
        if token != f"token of {user}":
            raise Refused(ErrorCode.UNAUTHENTICATED, "This token is not yours.")
        return user


@pytest.fixture
def connections(redis_client: RedisClient, keys: Keys) -> RedisConnections:
    return RedisConnections(redis_client, keys, process=EDGE)


@pytest.fixture
def processes(redis_client: RedisClient, keys: Keys) -> RedisProcesses:
    return RedisProcesses(redis_client, keys)


@pytest.fixture
def connect(connections: RedisConnections, processes: RedisProcesses) -> Connect:
    """A client of the API: by default with a service token and believing users."""

    def connect(
        *, service_token: str = TOKEN, authenticator: Authenticator | None = None
    ) -> httpx.AsyncClient:
        api = PresenceApi(
            connections=connections,
            processes=processes,
            authenticator=authenticator or BelievingAuthenticator(),
            service_token=service_token,
        )
        transport = httpx.ASGITransport(app=api.app())
        return httpx.AsyncClient(transport=transport, base_url="http://presence")

    return connect


@pytest_asyncio.fixture
async def client(connect: Connect) -> AsyncIterator[httpx.AsyncClient]:
    async with connect() as client:
        yield client


async def enter(connections: RedisConnections, user: str, connection: str) -> None:
    await connections.enter(
        UserId(user), device=DeviceId("phone"), connection=ConnectionId(connection)
    )


async def test_a_back_end_sees_where_anyone_is(
    client: httpx.AsyncClient, connections: RedisConnections
) -> None:
    await enter(connections, "ann", "c1")

    reply = await client.get("/v1/presence/ann", headers=BACK_END)

    body = reply.json()
    assert reply.status_code == 200
    assert (body["user_id"], body["state"], body["devices"]) == ("ann", "online", ["phone"])
    assert body["seen"][0] == {
        "device_id": "phone",
        "state": "online",
        "connections": 1,
        "last_seen": body["last_seen"],
    }


async def test_a_user_sees_oneself_and_no_other(client: httpx.AsyncClient) -> None:
    own = await client.get("/v1/presence/ann", headers=ANN)
    other = await client.get("/v1/presence/bob", headers=ANN)
    both = await client.get("/v1/presence?users=ann,bob", headers=ANN)

    assert (own.status_code, own.json()["state"]) == (200, "offline")
    assert (other.status_code, other.json()["code"]) == (403, "FORBIDDEN")
    assert (both.status_code, both.json()["code"]) == (403, "FORBIDDEN")


async def test_several_users_come_in_the_order_asked(
    client: httpx.AsyncClient, connections: RedisConnections
) -> None:
    await enter(connections, "b,ob", "c1")

    reply = await client.get("/v1/presence?users=eve,b%2Cob,ann", headers=BACK_END)

    assert [(each["user_id"], each["state"]) for each in reply.json()["presence"]] == [
        ("eve", "offline"),
        ("b,ob", "online"),
        ("ann", "offline"),
    ]


@pytest.mark.parametrize(
    "path",
    ["/v1/presence", "/v1/presence?users=", "/v1/presence/", "/v1/presence/%00"],
)
async def test_a_request_without_a_proper_user_is_refused(
    client: httpx.AsyncClient, path: str
) -> None:
    reply = await client.get(path, headers=BACK_END)

    assert (reply.status_code, reply.json()["code"]) == (400, "INVALID_MESSAGE")


async def test_a_hundred_and_one_users_are_too_many(client: httpx.AsyncClient) -> None:
    users = ",".join(map(str, range(101)))

    reply = await client.get(f"/v1/presence?users={users}", headers=BACK_END)

    assert reply.status_code == 400


@pytest.mark.parametrize("user", ["a/b", "müller", "李", "a b", "100%"])
async def test_any_printable_name_can_be_asked_for(client: httpx.AsyncClient, user: str) -> None:
    encoded = quote(user, safe="")

    reply = await client.get(f"/v1/presence/{encoded}", headers=[(b"X-Parley-User", user.encode())])

    assert (reply.status_code, reply.json()["user_id"]) == (200, user)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": "Basic s3cret"}, 401),
        ({"X-Parley-User": ""}, 400),
        ({"X-Parley-User": b"\xff"}, 400),
    ],
)
async def test_who_does_not_say_who_asks_gets_nothing(
    client: httpx.AsyncClient, headers: dict[str, str], status: int
) -> None:
    for path in ("/v1/presence/ann", "/v1/presence?users=ann", "/v1/processes"):
        assert (await client.get(path, headers=headers)).status_code == status


async def test_without_a_service_token_nothing_is_open_to_back_ends(connect: Connect) -> None:
    async with connect(service_token="") as client:
        replies = [
            await client.get(path, headers={"Authorization": "Bearer "})
            for path in ("/v1/presence/ann", "/v1/processes")
        ]

    assert [reply.status_code for reply in replies] == [401, 401]
    assert replies[0].headers["WWW-Authenticate"] == "Bearer"


async def test_a_user_is_who_the_authenticator_says(connect: Connect) -> None:
    async with connect(authenticator=OneToken()) as client:
        right = await client.get(
            "/v1/presence/ann", headers=ANN | {"Authorization": "Bearer token of ann"}
        )
        wrong = await client.get(
            "/v1/presence/ann", headers=ANN | {"Authorization": "Bearer token of bob"}
        )

    assert right.status_code == 200
    assert (wrong.status_code, wrong.json()["code"]) == (401, "UNAUTHENTICATED")


async def test_processes_are_for_back_ends(
    client: httpx.AsyncClient, processes: RedisProcesses
) -> None:
    await processes.beat(EDGE, ProcessInfo(kind="edge", started=1.0, connections=3))

    shown = await client.get("/v1/processes", headers=BACK_END)
    hidden = await client.get("/v1/processes", headers=ANN)

    (process,) = shown.json()["processes"]
    assert (process["process"], process["server_id"], process["connections"]) == (
        "edge-1/a",
        "edge-1",
        3,
    )
    assert hidden.status_code == 403


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/nothing", 404),
        ("POST", "/v1/presence/ann", 405),
        ("DELETE", "/v1/processes", 405),
    ],
)
async def test_what_is_not_there_is_a_problem_too(
    client: httpx.AsyncClient, method: str, path: str, status: int
) -> None:
    reply = await client.request(method, path, headers=BACK_END)

    assert reply.status_code == status
    assert set(reply.json()) == {"code", "message"}


async def test_while_redis_is_away_the_request_is_to_be_repeated(
    redis_url: str, keys: Keys
) -> None:
    async with RedisProxy(urlsplit(redis_url).port or 6379) as proxy:
        store = RedisClient(f"redis://127.0.0.1:{proxy.port}", name="away")
        await store.start()
        api = PresenceApi(
            connections=RedisConnections(store, keys, process=EDGE),
            processes=RedisProcesses(store, keys),
            authenticator=BelievingAuthenticator(),
            service_token="s3cret",
        )
        transport = httpx.ASGITransport(app=api.app())
        async with httpx.AsyncClient(transport=transport, base_url="http://p") as client:
            proxy.cut()
            away = await client.get("/v1/presence/ann", headers=BACK_END)
            proxy.heal()
            await store.command("PING")
            back = await client.get("/v1/presence/ann", headers=BACK_END)
        await store.aclose()

    assert (away.status_code, away.json()["code"]) == (503, "UNAVAILABLE")
    assert away.headers["Retry-After"] == "1"
    assert back.status_code == 200
