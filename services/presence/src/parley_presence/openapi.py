"""The document at /openapi.json. Schemas come from the views, paths are written here."""

from __future__ import annotations

from typing import Any

from parley_core.openapi import BACK_ENDS_ONLY, document, operation, parameter
from parley_presence.domain.asking import MOST_USERS
from parley_presence.domain.views import PresenceList, PresenceView, ProcessList

_PROBLEMS = {
    "400": "A user id or the query is wrong",
    "401": "Neither a service token nor a user",
    "403": "Somebody else's presence, or a back end's resource",
    "503": "Redis is away; repeat the request",
}
_USERS = {
    "type": "array",
    "items": {"type": "string", "minLength": 1, "maxLength": 128},
    "minItems": 1,
    "maxItems": MOST_USERS,
}


def openapi_document() -> dict[str, Any]:
    """OpenAPI 3.1."""
    return document(
        "Parley presence",
        description="Who is online where. A back end may ask about anyone, a user about "
        "oneself. Somebody without a connection stays online for 5 seconds.",
        paths=_paths(),
        replies=[PresenceView, PresenceList, ProcessList],
    )


def _paths() -> dict[str, Any]:
    return {
        "/v1/presence/{user}": _get(
            "Where one user is",
            reply="PresenceView",
            parameters=[parameter("user", place="path", schema={"type": "string"})],
        ),
        "/v1/presence": _get(
            "Where several users are",
            reply="PresenceList",
            parameters=[parameter("users", place="query", schema=_USERS)],
        ),
        "/v1/processes": _get("Which processes live", reply="ProcessList", security=BACK_ENDS_ONLY),
    }


def _get(summary: str, *, reply: str, **how: Any) -> dict[str, Any]:
    return {"get": operation(summary, reply=reply, problems=_PROBLEMS, **how)}
