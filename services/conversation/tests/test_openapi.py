from __future__ import annotations

import re

import httpx
import pytest

from parley_conversation.openapi import openapi_document
from parley_testing.past import BACK_END, EVE, Place
from parley_testing.schemas import mismatches


def test_the_document_names_exactly_the_routes(place: Place) -> None:
    served = {
        (route.path, method.lower())  # type: ignore[attr-defined]
        for route in place.api.app().routes
        for method in route.methods - {"HEAD"}  # type: ignore[attr-defined]
    }
    described = {
        (path, method)
        for path, operations in openapi_document()["paths"].items()
        for method in operations
    }

    assert served == described


def test_every_schema_that_is_referred_to_is_there() -> None:
    document = openapi_document()
    referred = set(re.findall(r"#/components/schemas/(\w+)", str(document)))

    assert referred == set(document["components"]["schemas"])


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
