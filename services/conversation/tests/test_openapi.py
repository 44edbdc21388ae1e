from __future__ import annotations

import httpx
import pytest

from parley_conversation.openapi import openapi_document
from parley_testing.past import BACK_END, EVE, Place
from parley_testing.schemas import described, mismatches, referred, served


def test_the_document_names_exactly_the_routes(place: Place) -> None:
    assert described(openapi_document()) == served(place.api.app())


def test_every_schema_that_is_referred_to_is_there() -> None:
    document = openapi_document()

    assert referred(document) == set(document["components"]["schemas"])


@pytest.mark.parametrize(
    ("method", "what", "headers", "status"),
    [
        ("get", "history", BACK_END, "200"),
        ("get", "state", BACK_END, "200"),
        ("post", "fork", BACK_END, "201"),
        ("get", "history?limit=0", BACK_END, "400"),
        ("get", "state", {}, "401"),
        ("post", "fork", EVE, "403"),
        ("get", "state?at=0", BACK_END, "404"),
    ],
)
async def test_replies_are_as_described(
    place: Place, method: str, what: str, headers: dict[str, str], status: str
) -> None:
    session = await place.new_session()
    await place.talk(session, "a")
    transport = httpx.ASGITransport(app=place.api.app())
    async with httpx.AsyncClient(transport=transport, base_url="http://worker") as http:
        document = (await http.get("/openapi.json")).json()

        reply = await http.request(method, f"/v1/sessions/{session}/{what}", headers=headers)

    path = f"/v1/sessions/{{session}}/{what.partition('?')[0]}"
    responses = document["paths"][path][method]["responses"]
    schema = responses[status]["content"]["application/json"]["schema"]
    assert str(reply.status_code) == status
    assert mismatches(reply.json(), schema, document) == []
