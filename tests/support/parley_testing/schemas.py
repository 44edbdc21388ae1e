"""Whether a reply is as an OpenAPI document says, for as much of JSON Schema as ours use."""

from __future__ import annotations

import re
from typing import Any

from starlette.applications import Starlette
from starlette.routing import Route

TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "boolean": bool,
    "null": type(None),
}


def mismatches(value: Any, schema: dict[str, Any], document: dict[str, Any]) -> list[str]:
    """Where a value breaks its schema."""
    if "$ref" in schema:
        name = schema["$ref"].removeprefix("#/components/schemas/")
        return mismatches(value, document["components"]["schemas"][name], document)
    if "anyOf" in schema:
        found = [mismatches(value, each, document) for each in schema["anyOf"]]
        return [] if [] in found else [f"{value!r} is none of {schema['anyOf']}"]
    if "enum" in schema:
        return [] if value in schema["enum"] else [f"{value!r} is not in {schema['enum']}"]
    if "type" not in schema:
        return []
    if not isinstance(value, TYPES[schema["type"]]):
        return [f"{value!r} is no {schema['type']}"]
    return [*in_object(value, schema, document), *in_array(value, schema, document)]


def in_object(value: Any, schema: dict[str, Any], document: dict[str, Any]) -> list[str]:
    properties = schema.get("properties", {})
    if not isinstance(value, dict):
        return []
    return [
        *(f"{name} is missing" for name in schema.get("required", []) if name not in value),
        *(f"{name} is not described" for name in value if name not in properties),
        *(
            f"{name}: {problem}"
            for name, described in properties.items()
            if name in value
            for problem in mismatches(value[name], described, document)
        ),
    ]


def in_array(value: Any, schema: dict[str, Any], document: dict[str, Any]) -> list[str]:
    if not isinstance(value, list):
        return []
    return [problem for each in value for problem in mismatches(each, schema["items"], document)]


def served(app: Starlette) -> set[tuple[str, str]]:
    """Path and method of each route of an HTTP API, as OpenAPI writes them."""
    return {
        (re.sub(r":\w+}", "}", route.path), method.lower())
        for route in app.routes
        if isinstance(route, Route)
        for method in (route.methods or set()) - {"HEAD"}
    }


def described(document: dict[str, Any]) -> set[tuple[str, str]]:
    """The same of an OpenAPI document."""
    return {
        (path, method) for path, operations in document["paths"].items() for method in operations
    }


def referred(document: dict[str, Any]) -> set[str]:
    """The schemas that a document refers to."""
    return set(re.findall(r"#/components/schemas/(\w+)", str(document)))
