from __future__ import annotations

from typing import Any

import pytest

from parley_core.redis.client import RedisClient
from parley_core.redis.keys import Keys
from parley_edge.http.openapi import openapi_document
from parley_testing.edge_api import ANN, BACK_END, EVE, EdgeApiPlace
from parley_testing.schemas import described, mismatches, referred, served

ONE = "/v1/sessions/{session}"
PHONE = ANN | {"X-Parley-Device": "phone"}
MESSAGES, MEMBERS, REPLY = f"{ONE}/messages", f"{ONE}/members", f"{ONE}/reply"
SAID: dict[str, Any] = {"content": "hi", "user_id": "ann"}


def template(path: str) -> str:
    """The path as the document has it."""
    return path.replace("33dead", "{session}")


@pytest.fixture
def place(redis_client: RedisClient, keys: Keys) -> EdgeApiPlace:
    return EdgeApiPlace(redis_client, keys)


def test_the_document_names_exactly_the_routes(place: EdgeApiPlace) -> None:
    assert described(openapi_document()) == served(place.app())


def test_every_schema_that_is_referred_to_is_there() -> None:
    document = openapi_document()

    assert referred(document) == set(document["components"]["schemas"])


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "status"),
    [
        ("post", MESSAGES, BACK_END, SAID, "201"),
        ("post", MESSAGES, BACK_END, {"content": "mind", "role": "system"}, "201"),
        ("post", MESSAGES, BACK_END, {"content": "hi"}, "400"),
        ("post", MESSAGES, {}, SAID, "401"),
        ("post", MESSAGES, EVE, {"content": "hi"}, "403"),
        ("post", MESSAGES, BACK_END, SAID | {"content": "x" * 1_100_000}, "413"),
        ("post", "/v1/sessions/33dead/messages", ANN, SAID, "404"),
        ("get", MEMBERS, ANN, None, "200"),
        ("get", MEMBERS, EVE, None, "403"),
        ("post", MEMBERS, ANN, {"user_id": "eve"}, "204"),
        ("post", MEMBERS, ANN, {"user_id": ""}, "400"),
        ("put", REPLY, ANN, {"mode": "never"}, "204"),
        ("put", REPLY, EVE, {"mode": "never"}, "403"),
        ("delete", ONE, ANN, None, "204"),
        ("delete", ONE, EVE, None, "403"),
        ("post", "/v1/messages", PHONE, {"type": "text", "content": "hi"}, "200"),
        ("post", "/v1/messages", PHONE, {"type": "typing", "state": "start"}, "204"),
        ("post", "/v1/messages", PHONE, {"type": "text"}, "400"),
        ("post", "/v1/messages", {}, {"type": "text", "content": "hi"}, "401"),
        ("post", "/v1/messages", BACK_END, {"type": "text", "content": "hi"}, "403"),
        ("post", "/v1/messages", PHONE, {"type": "cancel"}, "409"),
        ("get", "/v1/sessions", ANN, None, "200"),
        ("get", "/v1/sessions", BACK_END, None, "400"),
        ("get", "/v1/sessions", {}, None, "401"),
        ("post", "/v1/broadcast", BACK_END, {"notice": "mind", "all": True}, "202"),
        ("post", "/v1/broadcast", ANN, {"notice": "mind", "all": True}, "403"),
        ("post", "/v1/broadcast", BACK_END, {"notice": "mind"}, "400"),
    ],
)
async def test_replies_are_as_described(
    place: EdgeApiPlace, *, method: str, path: str, headers: dict[str, str], body: Any, status: str
) -> None:
    session = await place.new_session()
    async with place.http() as http:
        document = (await http.get("/openapi.json")).json()

        reply = await http.request(method, path.format(session=session), headers=headers, json=body)

    responses = document["paths"][template(path)][method]["responses"]
    assert str(reply.status_code) == status
    if status == "204":
        assert "content" not in responses[status]
        assert reply.content == b""
        return
    schema = responses[status]["content"]["application/json"]["schema"]
    assert mismatches(reply.json(), schema, document) == []
