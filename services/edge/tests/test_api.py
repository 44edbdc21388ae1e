"""What back ends do over HTTP, and users for themselves: who may, and what bounds it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from parley_core.domain import limits
from parley_core.domain.events import Event
from parley_core.domain.ids import SessionId, partition_of
from parley_core.domain.live import NO_ORIGIN
from parley_core.redis.client import RedisClient
from parley_core.redis.keys import Keys
from parley_edge.http import sessions
from parley_testing.edge_api import ANN, BACK_END, EVE, EdgeApiPlace


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


def messages(session: str) -> str:
    return f"/v1/sessions/{session}/messages"


async def log_of(place: EdgeApiPlace, session: SessionId) -> tuple[Event, ...]:
    events, _ = await place.conversations.history(session, before=None, limit=100)
    return events


def problem(reply: httpx.Response) -> tuple[int, str]:
    return reply.status_code, reply.json()["code"]


# Messages:


async def test_a_user_s_message_from_a_server_is_logged_once_and_waits_for_the_agent(
    http: httpx.AsyncClient, place: EdgeApiPlace, session: SessionId, agent: Any
) -> None:
    body = {"content": "hi", "user_id": "ann", "message_id": "m 1"}

    first = await http.post(messages(session), json=body, headers=BACK_END)
    again = await http.post(messages(session), json=body, headers=BACK_END)
    await agent.take(session)

    events = await log_of(place, session)
    said = {"session_id": session, "message_id": "m 1", "seq": 1}
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == said | {"repeated": False}
    assert again.json() == said | {"repeated": True}
    assert [event.id for event in events] == ["m 1"]
    assert agent.turn == "m 1"


async def test_no_client_takes_it_for_an_answer_of_the_agent(
    http: httpx.AsyncClient, place: EdgeApiPlace, session: SessionId
) -> None:
    await http.post(messages(session), json={"content": "hi"}, headers=ANN)
    await http.post(messages(session), json={"content": "hi"}, headers=ANN)

    first, second = await log_of(place, session)
    assert NO_ORIGIN not in {first.origin, second.origin}
    assert first.id != second.id


async def test_a_notice_is_logged_and_no_work(
    http: httpx.AsyncClient, place: EdgeApiPlace, session: SessionId
) -> None:
    body = {"content": "mind the gap", "role": "system", "message_id": "n 1"}

    first = await http.post(messages(session), json=body, headers=BACK_END)
    again = await http.post(messages(session), json=body, headers=BACK_END)

    (event,) = await log_of(place, session)
    assert (first.json()["repeated"], again.json()["repeated"]) == (False, True)
    assert b'"role":"system"' in event.body
    assert await place.client.command("ZCARD", place.keys.partition(partition_of("ann")).ready) == 0


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (ANN, {"content": "hi", "role": "system"}),
        (ANN, {"content": "hi", "user_id": "eve"}),
        (EVE, {"content": "hi"}),
        (BACK_END, {"content": "hi", "user_id": "eve"}),
    ],
)
async def test_who_may_not_speak_is_refused(
    http: httpx.AsyncClient,
    place: EdgeApiPlace,
    session: SessionId,
    headers: dict[str, str],
    body: dict[str, str],
) -> None:
    reply = await http.post(messages(session), json=body, headers=headers)

    assert problem(reply) == (403, "FORBIDDEN")
    assert await log_of(place, session) == ()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b"[" * 100_000,
        b'{"content": " "}',
        b'{"content": "x", "message_id": "%s"}' % (b"m" * 65),
        b'{"content": "%s"}' % (b"x" * 10_001),
        b'{"content": "x", "role": "assistant"}',
        b'{"content": "x", "strategy": "soon"}',
        b'{"content": "\xff"}',
    ],
)
async def test_what_is_no_message_is_refused(
    http: httpx.AsyncClient, session: SessionId, body: bytes
) -> None:
    reply = await http.post(messages(session), content=body, headers=ANN)

    assert problem(reply) == (400, "INVALID_MESSAGE")


async def test_a_body_has_a_bound(http: httpx.AsyncClient, session: SessionId) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(limits.FRAME // 65_536 + 1):
            yield b" " * 65_536

    reply = await http.post(messages(session), content=endless(), headers=ANN)

    assert problem(reply) == (413, "MESSAGE_TOO_LARGE")


async def test_a_user_has_one_rate_however_texts_come(
    redis_client: RedisClient, keys: Keys
) -> None:
    place = EdgeApiPlace(redis_client, keys, rate=1, burst=1)
    session = await place.new_session()
    async with place.http() as http:
        first = await http.post(messages(session), json={"content": "hi"}, headers=ANN)
        second = await http.post(
            messages(session), json={"content": "hi", "user_id": "ann"}, headers=BACK_END
        )

    assert first.status_code == 201
    assert problem(second) == (429, "RATE_LIMITED")
    assert second.headers["retry-after"] == "1"


async def test_a_text_may_be_the_answer_that_the_agent_waits_for(
    http: httpx.AsyncClient, session: SessionId, agent: Any
) -> None:
    await http.post(messages(session), json={"content": "go", "message_id": "m"}, headers=ANN)
    await agent.take(session)
    await agent.ask("which one?")

    await http.post(messages(session), json={"content": "red", "answers": True}, headers=ANN)

    turn = (await agent.inbox()).turn
    assert turn is not None
    assert (turn.turn_id, turn.answers) == ("m", {"i1": '"red"'})


async def test_where_there_is_no_session_there_is_no_message(http: httpx.AsyncClient) -> None:
    for nowhere in ("33deadbeef", "nonsense", "x" * 65):
        reply = await http.post(messages(nowhere), json={"content": "hi"}, headers=ANN)

        assert problem(reply) == (404, "SESSION_NOT_FOUND")


# Sessions:


async def test_sessions_are_listed_with_those_that_were_archived(
    http: httpx.AsyncClient, place: EdgeApiPlace
) -> None:
    first, second, third = [await place.new_session() for _ in range(3)]

    own = (await http.get("/v1/sessions", headers=ANN)).json()["sessions"]
    of_ann = (await http.get("/v1/sessions?user=ann", headers=BACK_END)).json()["sessions"]
    of_eve = (await http.get("/v1/sessions", headers=EVE)).json()["sessions"]

    found = {each["session_id"]: each for each in own}
    assert of_ann == own
    assert of_eve == []
    assert set(found) == {first, second, third}
    assert [found[each]["archived"] for each in (first, second, third)] == [True, False, False]
    assert [found[each]["current"] for each in (first, second, third)] == [False, False, True]
    assert {each["role"] for each in own} == {"owner"}


@pytest.mark.parametrize(
    ("query", "headers", "status"),
    [("?user=eve", ANN, 403), ("", BACK_END, 400), ("?user=", BACK_END, 400), ("", {}, 401)],
)
async def test_somebody_else_s_sessions_are_not_told(
    http: httpx.AsyncClient, query: str, headers: dict[str, str], status: int
) -> None:
    reply = await http.get(f"/v1/sessions{query}", headers=headers)

    assert reply.status_code == status


# Broadcasts:


@pytest.mark.parametrize(
    "body",
    [
        {"notice": "mind"},
        {"notice": "mind", "all": True, "users": ["ann"]},
        {"notice": "mind", "users": []},
        {"notice": "mind", "users": ["u"] * (limits.BROADCAST_USERS + 1)},
        {"notice": "x" * 10_001, "all": True},
    ],
)
async def test_a_broadcast_is_for_some_or_for_all(
    http: httpx.AsyncClient, body: dict[str, Any]
) -> None:
    reply = await http.post("/v1/broadcast", json=body, headers=BACK_END)

    assert problem(reply) == (400, "INVALID_MESSAGE")


async def test_broadcasts_have_a_rate(place: EdgeApiPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "BROADCASTS", 2)
    monkeypatch.setattr(sessions, "BROADCAST_RATE", 0.5)
    body = {"notice": "mind", "all": True}
    async with place.http() as http:
        replies = [await http.post("/v1/broadcast", json=body, headers=BACK_END) for _ in range(3)]

    assert [reply.status_code for reply in replies] == [202, 202, 429]
    assert replies[2].headers["retry-after"] == "2"
    assert (replies[0].json()["edges"], replies[2].json()["code"]) == (0, "RATE_LIMITED")


# Who asks:


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v1/broadcast", {"notice": "mind", "all": True}),
        ("GET", "/v1/sessions?user=ann", None),
    ],
)
async def test_without_a_service_token_no_request_is_a_back_end_s(
    redis_client: RedisClient, keys: Keys, method: str, path: str, body: Any
) -> None:
    place = EdgeApiPlace(redis_client, keys, service_token="")
    async with place.http() as http:
        for token in ("s3cret", "", " "):
            headers = {"Authorization": f"Bearer {token}"}
            reply = await http.request(method, path, json=body, headers=headers)

            assert problem(reply) == (401, "UNAUTHENTICATED")
