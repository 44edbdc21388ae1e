"""What the OpenAPI documents of the services share. Schemas come from types, paths are written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from parley_core.domain.problems import Problem

_REF = "#/components/schemas/{name}"
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
BACK_ENDS_ONLY: list[dict[str, Any]] = [{"service_token": []}]
"""The `security` of what users may not ask for."""


def document(
    title: str, *, description: str, paths: Mapping[str, Any], replies: Sequence[type]
) -> dict[str, Any]:
    """OpenAPI 3.1, with itself among the paths; `replies` are the types that schemas are of."""
    _, schemas = msgspec.json.schema_components([*replies, Problem], ref_template=_REF)
    itself = {
        "get": {
            "summary": "This document",
            "security": [],
            "responses": {"200": {"description": "OpenAPI 3.1"}},
        }
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": "1", "description": description},
        "paths": {**paths, "/openapi.json": itself},
        "components": {"schemas": schemas, "securitySchemes": _SECURITY_SCHEMES},
        "security": [{"service_token": []}, {"user": []}],
    }


def operation(
    summary: str,
    *,
    reply: str | None,
    problems: Mapping[str, str],
    parameters: Sequence[dict[str, Any]] = (),
    security: Sequence[dict[str, Any]] | None = None,
    status: str = "200",
) -> dict[str, Any]:
    """One method of a path. Without `security` the document's own holds.

    `reply`: the schema of the answer, None if it has no body. `problems`: what each status but
    `status` means.
    """
    done = {"description": "Done"} if reply is None else _response("The answer", schema=reply)
    responses = {status: done}
    for code, description in problems.items():
        responses[code] = _response(description, schema="Problem")
    described = {"summary": summary, "parameters": list(parameters), "responses": responses}
    return described | ({} if security is None else {"security": security})


def body(schema: str | dict[str, Any]) -> dict[str, Any]:
    """An operation's `requestBody`, of a named schema or one of its own, to be joined with it."""
    named = {"$ref": _REF.format(name=schema)} if isinstance(schema, str) else schema
    content = {"application/json": {"schema": named}}
    return {"requestBody": {"required": True, "content": content}}


def parameter(
    name: str, *, place: str, schema: dict[str, Any], required: bool = True, about: str = ""
) -> dict[str, Any]:
    """One parameter; a list in a query is `users=a,b`, not `users=a&users=b`."""
    described = {"name": name, "in": place, "required": required, "schema": schema}
    is_list = schema.get("type") == "array"
    return (
        described
        | ({"style": "form", "explode": False} if is_list else {})
        | ({"description": about} if about else {})
    )


def _response(description: str, *, schema: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": _REF.format(name=schema)}}}
    return {"description": description, "content": content}
