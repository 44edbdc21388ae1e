"""The document at /openapi.json. Schemas come from the views, paths are written here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from parley_presence.domain.asking import MOST_USERS
from parley_presence.domain.views import PresenceList, PresenceView, Problem, ProcessList

_REF = "#/components/schemas/{name}"
_PROBLEMS = {
    "400": "A user id or the query is wrong",
    "401": "Neither a service token nor a user",
    "403": "Somebody else's presence, or a back end's resource",
    "503": "Redis is away; repeat the request",
}


def openapi_document() -> dict[str, Any]:
    """OpenAPI 3.1."""
    _, schemas = msgspec.json.schema_components(
        [PresenceView, PresenceList, ProcessList, Problem], ref_template=_REF
    )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Parley presence",
            "version": "1",
            "description": "Who is online where. A back end may ask about anyone, a user about "
            "oneself. Somebody without a connection stays online for 5 seconds.",
        },
        "paths": _paths(),
        "components": {"schemas": schemas, "securitySchemes": _SECURITY_SCHEMES},
        "security": [{"service_token": []}, {"user": []}],
    }


_SECURITY_SCHEMES = {
    "service_token": {
        "type": "http",
        "scheme": "bearer",
        "description": "SERVICE_TOKEN of this installation, for back ends.",
    },
    "user": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Parley-User",
        "description": "The user's id in UTF-8, beside the user's own Bearer token, if any.",
    },
}


def _paths() -> dict[str, Any]:
    return {
        "/v1/presence/{user}": _get(
            "Where one user is",
            reply="PresenceView",
            parameters=[_parameter("user", place="path", schema={"type": "string"})],
        ),
        "/v1/presence": _get(
            "Where several users are",
            reply="PresenceList",
            parameters=[_parameter("users", place="query", schema=_USERS)],
        ),
        "/v1/processes": _get(
            "Which processes live", reply="ProcessList", security=[{"service_token": []}]
        ),
        "/openapi.json": {
            "get": {
                "summary": "This document",
                "security": [],
                "responses": {"200": {"description": "OpenAPI 3.1"}},
            }
        },
    }


_USERS = {
    "type": "array",
    "items": {"type": "string", "minLength": 1, "maxLength": 128},
    "minItems": 1,
    "maxItems": MOST_USERS,
}


def _get(
    summary: str,
    *,
    reply: str,
    parameters: Sequence[dict[str, Any]] = (),
    security: Sequence[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """One path. Without `security` the document's own holds."""
    responses = {"200": _response("The answer", schema=reply)}
    for status, description in _PROBLEMS.items():
        responses[status] = _response(description, schema="Problem")
    operation = {"summary": summary, "parameters": parameters, "responses": responses}
    return {"get": operation | ({} if security is None else {"security": security})}


def _parameter(name: str, *, place: str, schema: dict[str, Any]) -> dict[str, Any]:
    parameter = {"name": name, "in": place, "required": True, "schema": schema}
    # `users=a,b`, not `users=a&users=b`.
    return parameter | ({"style": "form", "explode": False} if place == "query" else {})


def _response(description: str, *, schema: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": _REF.format(name=schema)}}}
    return {"description": description, "content": content}
