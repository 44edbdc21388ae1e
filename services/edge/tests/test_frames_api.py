"""Frames over HTTP do what they do over a WebSocket, each for itself."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from parley_core.domain.ids import SessionId, UserId
from parley_core.domain.live import NO_ORIGIN, unpack
from parley_core.domain.members import Role
from parley_core.redis.client import RedisClient
from parley_core.redis.keys import Keys
from parley_testing.edge_api import BACK_END, EdgeApiPlace
from parley_testing.listening import Ears

PHONE = {"X-Parley-User": "ann", "X-Parley-Device": "phone"}
EVE = {"X-Parley-User": "eve", "X-Parley-Device": "tv"}
FRAMES: dict[str, dict[str, Any]] = {
    "text": {"type": "text", "content": "hi"},
    "answer": {"type": "answer", "interrupt_id": "i1", "value": 1},
    "cancel": {"type": "cancel"},
    "typing": {"type": "typing", "state": "start"},
    "ack": {"type": "ack", "seq": 1},
    "history": {"type": "command", "command": "get_history"},
    "clear": {"type": "command", "command": "clear_history"},
}


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


async def send(
    http: httpx.AsyncClient, type_: str, *, query: str = "", by: Any = PHONE, **fields: Any
) -> httpx.Response:
    return await http.post(f"/v1/messages{query}", json={"type": type_, **fields}, headers=by)


async def test_a_text_is_acknowledged_once_and_queued(
    http: httpx.AsyncClient, place: EdgeApiPlace, session: SessionId, agent: Any
) -> None:
    replies = [(await send(http, "text", content="hi", message_id="m 1")).json() for _ in range(2)]
    await agent.take(session)

    (event,), _ = await place.conversations.history(session, before=None, limit=9)
    assert replies == [{"type": "ack", "message_id": "m 1", "seq": 1}] * 2
    assert agent.turn == "m 1"
    assert event.origin != NO_ORIGIN
    assert b'"device_id":"phone"' in event.body


async def test_a_session_may_be_named(http: httpx.AsyncClient, place: EdgeApiPlace) -> None:
    first, second = await place.new_session(), await place.new_session()

    await send(http, "text", content="to the first", query=f"?session_id={first}")
    await send(http, "text", content="to the current one")

    logs = [
        (await place.conversations.history(each, before=None, limit=9))[0]
        for each in (first, second)
    ]
    assert [b"to the first" in logs[0][0].body, b"current" in logs[1][0].body] == [True, True]


@pytest.mark.parametrize("capabilities", ["", "ack"])
async def test_a_plain_client_s_text_answers_what_the_agent_asks(
    http: httpx.AsyncClient, session: SessionId, agent: Any, capabilities: str
) -> None:
    await send(http, "text", content="go", message_id="m")
    await agent.take(session)
    await agent.ask("which one?")

    await send(http, "text", content="red", query=f"?capabilities={capabilities}")

    turn = (await agent.inbox()).turn
    assert turn is not None
    assert turn.answers == ({} if capabilities else {"i1": '"red"'})


async def test_an_answer_is_given(http: httpx.AsyncClient, session: SessionId, agent: Any) -> None:
    early = await send(http, "answer", interrupt_id="i1", value=1)
    await send(http, "text", content="go", message_id="m")
    await agent.take(session)
    await agent.ask("which one?")

    reply = await send(http, "answer", interrupt_id="i1", value={"a": [1]}, message_id="m 2")

    turn = (await agent.inbox()).turn
    assert turn is not None
    assert (early.status_code, early.json()["code"]) == (409, "NO_SUCH_INTERRUPT")
    assert reply.json() == {"type": "ack", "message_id": "m 2", "seq": 3}
    assert json.loads(turn.answers["i1"]) == {"a": [1]}


async def test_a_turn_is_cancelled(http: httpx.AsyncClient, session: SessionId, agent: Any) -> None:
    await send(http, "text", content="go")
    await agent.take(session)

    reply = await send(http, "cancel")

    assert reply.status_code == 204
    assert await agent.told() == "cancel"


async def test_typing_is_told_to_everybody_in_the_session(
    http: httpx.AsyncClient, session: SessionId, redis_url: str, keys: Keys
) -> None:
    with Ears(redis_url, keys.prefix) as ears:
        reply = await send(http, "typing", state="start")
        ((_, data),) = ears.heard()

    frame = unpack(data)
    assert reply.status_code == 204
    assert (frame.type, frame.body) == (
        "typing",
        b'{"type":"typing","user_id":"ann","state":"start"}',
    )
    assert frame.origin != NO_ORIGIN


async def test_a_read_position_is_kept(
    http: httpx.AsyncClient, session: SessionId, keys: Keys, redis_client: RedisClient
) -> None:
    await send(http, "text", content="hi")

    reply = await send(http, "ack", seq=1)

    seen = keys.session(session).seen
    assert reply.status_code == 204
    assert b"1" in await redis_client.command("HVALS", seen, key=seen)


async def test_commands_are_answered(
    http: httpx.AsyncClient, session: SessionId, agent: Any
) -> None:
    for number in range(3):
        await send(http, "text", content=f"text {number}")

    async def ask(command: str, **fields: Any) -> Any:
        reply = await send(http, "command", command=command, request_id="r 1", **fields)
        assert reply.json()["request_id"] == "r 1"
        return reply.json()

    history = await ask("get_history", limit=2)
    sessions = await ask("list_sessions")
    presence = await ask("get_presence")
    queued = await ask("clear_history")

    assert [frame["seq"] for frame in history["messages"]] == [2, 3]
    assert history["has_more"] is True
    assert [each["session_id"] for each in sessions["sessions"]] == [session]
    assert presence["presence"][0]["user_id"] == "ann"
    assert (queued["queued"], queued["message_id"]) == (True, "r 1")


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("new_session", "UNKNOWN_COMMAND"),
        ("switch_session", "UNKNOWN_COMMAND"),
        ("dance", "UNKNOWN_COMMAND"),
        ("switch_topic", "INVALID_MESSAGE"),
    ],
)
async def test_some_commands_are_not_for_http(
    http: httpx.AsyncClient, session: SessionId, command: str, code: str
) -> None:
    reply = await send(http, "command", command=command)

    assert (reply.status_code, reply.json()["code"]) == (400, code)


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
async def test_who_is_not_in_a_session_does_nothing_there(
    http: httpx.AsyncClient, place: EdgeApiPlace, session: SessionId, frame: dict[str, Any]
) -> None:
    reply = await http.post(f"/v1/messages?session_id={session}", json=frame, headers=EVE)

    assert (reply.status_code, reply.json()["code"]) == (403, "FORBIDDEN")
    assert await place.conversations.history(session, before=None, limit=9) == ((), False)


async def test_co_members_may_see_where_each_other_is(
    http: httpx.AsyncClient, place: EdgeApiPlace, session: SessionId
) -> None:
    async def see(user: str) -> int:
        reply = await send(http, "command", command="get_presence", user_ids=[user])
        return reply.status_code

    before = await see("eve")
    await place.edge().memberships.set_role(session, UserId("eve"), role=Role.VIEWER, by=None)

    assert (before, await see("eve"), await see("bob")) == (403, 200, 403)


@pytest.mark.parametrize(
    ("by", "status"),
    [
        (BACK_END | {"X-Parley-Device": "x"}, 403),
        ({"X-Parley-Device": "x"}, 401),
        ({"X-Parley-User": "ann"}, 400),
        ({"X-Parley-User": "ann", "X-Parley-Device": "x" * 129}, 400),
        (EVE, 404),
    ],
)
async def test_a_sender_is_a_user_with_a_device_and_a_session(
    http: httpx.AsyncClient, session: SessionId, by: dict[str, str], status: int
) -> None:
    assert (await send(http, "text", by=by, content="hi")).status_code == status


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "INVALID_MESSAGE"),
        (b"[]", "INVALID_MESSAGE"),
        (b'{"type": "text"}', "INVALID_MESSAGE"),
        (b'{"type": "dance"}', "UNKNOWN_MESSAGE_TYPE"),
        (b'{"type": "heartbeat"}', "INVALID_MESSAGE"),
        (b'{"type": "auth", "user_id": "ann", "device_id": "x"}', "INVALID_MESSAGE"),
    ],
)
async def test_what_is_no_frame_is_refused(
    http: httpx.AsyncClient, session: SessionId, body: bytes, code: str
) -> None:
    reply = await http.post("/v1/messages", content=body, headers=PHONE)

    assert (reply.status_code, reply.json()["code"]) == (400, code)
