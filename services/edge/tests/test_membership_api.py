"""Who is in a session, over HTTP: its owner and back ends decide, everybody in it may look."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from parley_core.domain.ids import SessionId
from parley_core.redis.client import RedisClient
from parley_core.redis.keys import Keys
from parley_testing.edge_api import ANN, BACK_END, EVE, EdgeApiPlace

BOB = {"X-Parley-User": "bob"}
OWNER = {"user_id": "ann", "role": "owner"}


@pytest.fixture
def place(redis_client: RedisClient, keys: Keys) -> EdgeApiPlace:
    return EdgeApiPlace(redis_client, keys)


@pytest.fixture
async def http(place: EdgeApiPlace) -> AsyncIterator[httpx.AsyncClient]:
    async with place.http() as client:
        yield client


@pytest.fixture
async def session(place: EdgeApiPlace) -> SessionId:
    return await place.new_session()


async def group(http: httpx.AsyncClient, session: str) -> Any:
    return (await http.get(f"/v1/sessions/{session}/members", headers=BACK_END)).json()


async def add(
    http: httpx.AsyncClient, session: str, user: str, role: str = "member", **by: str
) -> int:
    reply = await http.post(
        f"/v1/sessions/{session}/members",
        json={"user_id": user, "role": role},
        headers=by or ANN,
    )
    return reply.status_code


async def test_members_come_get_another_role_and_go(
    http: httpx.AsyncClient, session: SessionId
) -> None:
    steps = [
        await add(http, session, "eve"),
        await add(http, session, "eve"),
        await add(http, session, "bob/ö", "viewer", **BACK_END),
        await add(http, session, "eve", "viewer"),
    ]
    full = await group(http, session)
    paths = [f"/v1/sessions/{session}/members/{user}" for user in ("eve", "bob%2F%C3%B6", "eve")]
    left = [(await http.delete(path, headers=ANN)).status_code for path in paths]

    viewers = [{"user_id": user, "role": "viewer"} for user in ("bob/ö", "eve")]
    assert steps == [*left, 204]
    assert full == {"session_id": session, "members": [OWNER, *viewers], "reply": "always"}
    assert (await group(http, session))["members"] == [OWNER]


async def test_who_is_no_owner_may_look_and_leave_only(
    http: httpx.AsyncClient, session: SessionId
) -> None:
    await add(http, session, "eve")
    path = f"/v1/sessions/{session}"

    looks = [(await http.get(f"{path}/members", headers=by)).status_code for by in (EVE, BOB)]
    refused = [
        await add(http, session, "bob", **EVE),
        await add(http, session, "bob", **BOB),
        (await http.put(f"{path}/reply", json={"mode": "never"}, headers=EVE)).status_code,
        (await http.delete(path, headers=EVE)).status_code,
        (await http.delete(f"{path}/members/ann", headers=EVE)).status_code,
        (await http.delete(f"{path}/members/ann", headers=ANN)).status_code,
    ]
    before = await group(http, session)
    leaves = (await http.delete(f"{path}/members/eve", headers=EVE)).status_code

    assert looks == [200, 403]
    assert refused == [403] * 6
    assert len(before["members"]) == 2
    assert leaves == 204
    assert (await group(http, session))["members"] == [OWNER]


@pytest.mark.parametrize("by", [ANN, BACK_END], ids=["owner", "back end"])
async def test_the_reply_mode_is_set(
    http: httpx.AsyncClient, session: SessionId, by: dict[str, str]
) -> None:
    for mode in ("mentioned", "mentioned", "never", "always"):
        reply = await http.put(f"/v1/sessions/{session}/reply", json={"mode": mode}, headers=by)

        assert reply.status_code == 204
        assert (await group(http, session))["reply"] == mode


@pytest.mark.parametrize("by", [ANN, BACK_END], ids=["owner", "back end"])
async def test_a_session_is_deleted_and_a_repeat_finds_nothing(
    http: httpx.AsyncClient, session: SessionId, by: dict[str, str]
) -> None:
    await add(http, session, "eve")

    codes = [
        (await http.delete(f"/v1/sessions/{session}", headers=by)).status_code for _ in range(2)
    ]

    assert codes == [204, 204]
    assert (await http.get(f"/v1/sessions/{session}/members", headers=ANN)).status_code == 404
    for user in (ANN, EVE):
        assert (await http.get("/v1/sessions", headers=user)).json()["sessions"] == []


@pytest.mark.parametrize(
    ("method", "what", "body"),
    [
        ("POST", "members", {"user_id": "eve", "role": "owner"}),
        ("POST", "members", {"user_id": ""}),
        ("POST", "members", {"user_id": "x" * 129}),
        ("POST", "members", {}),
        ("PUT", "reply", {"mode": "sometimes"}),
        ("PUT", "reply", {}),
        ("DELETE", "members/%07", None),
        ("DELETE", "members/", None),
    ],
)
async def test_what_cannot_be_is_refused(
    http: httpx.AsyncClient, session: SessionId, method: str, what: str, body: Any
) -> None:
    reply = await http.request(
        method, f"/v1/sessions/{session}/{what}", json=body, headers=BACK_END
    )

    assert (reply.status_code, reply.json()["code"]) == (400, "INVALID_MESSAGE")


@pytest.mark.parametrize("nowhere", ["33deadbeef", "nonsense"])
async def test_where_there_is_no_session_nobody_is_in_it(
    http: httpx.AsyncClient, nowhere: str
) -> None:
    path = f"/v1/sessions/{nowhere}"
    replies = [
        await http.get(f"{path}/members", headers=ANN),
        await http.post(f"{path}/members", json={"user_id": "eve"}, headers=ANN),
        await http.delete(f"{path}/members/eve", headers=ANN),
        await http.put(f"{path}/reply", json={"mode": "never"}, headers=ANN),
    ]

    assert {(reply.status_code, reply.json()["code"]) for reply in replies} == {
        (404, "SESSION_NOT_FOUND")
    }


@pytest.mark.parametrize(
    ("method", "what", "body"),
    [
        ("GET", "/members", None),
        ("POST", "/members", {"user_id": "eve"}),
        ("DELETE", "/members/eve", None),
        ("PUT", "/reply", {"mode": "never"}),
        ("DELETE", "", None),
    ],
)
async def test_nobody_is_asked_who_that_is(
    http: httpx.AsyncClient, session: SessionId, method: str, what: str, body: Any
) -> None:
    headers = {"Authorization": "Bearer wrong"}
    reply = await http.request(method, f"/v1/sessions/{session}{what}", json=body, headers=headers)

    assert (reply.status_code, reply.json()["code"]) == (401, "UNAUTHENTICATED")
    assert len((await group(http, session))["members"]) == 1
