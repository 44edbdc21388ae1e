"""The document at /openapi.json. Schemas come from the views, paths are written here."""

from __future__ import annotations

from typing import Any

from parley_conversation.domain.queries import GREATEST_SEQ
from parley_conversation.domain.views import ForkView, HistoryView, StateView
from parley_core.domain import limits
from parley_core.openapi import document, operation, parameter

_PROBLEMS = {
    "400": "A parameter is wrong",
    "401": "Neither a service token nor a user",
    "403": "Somebody else's session",
    "404": "There is no such session, or no state is kept there",
    "503": "Redis is away; repeat the request",
}
_SEQ = {"type": "integer", "minimum": 0, "maximum": GREATEST_SEQ}
_LIMIT = {"type": "integer", "minimum": 1, "maximum": limits.HISTORY, "default": limits.HISTORY}
_KEY = {"type": "string", "minLength": 1, "maxLength": limits.IDENTIFIER}
_SESSION = parameter("session", place="path", schema={"type": "string"})
_AT = parameter(
    "at",
    place="query",
    schema=_SEQ,
    required=False,
    about="The newest kept state at or before this seq; without it the newest of all.",
)


def openapi_document() -> dict[str, Any]:
    """OpenAPI 3.1."""
    return document(
        "Parley conversations",
        description="A conversation's past: its log, the states that are kept, and new sessions"
        " that begin there. A back end may ask for any session, a user for those that one owns.",
        paths=_paths(),
        replies=[HistoryView, StateView, ForkView],
    )


def _paths() -> dict[str, Any]:
    return {
        "/v1/sessions/{session}/history": {
            "get": operation(
                "A page of the log, oldest first",
                reply="HistoryView",
                problems=_PROBLEMS,
                parameters=[
                    _SESSION,
                    parameter(
                        "before",
                        place="query",
                        schema=_SEQ,
                        required=False,
                        about="Frames below this seq; without it the newest.",
                    ),
                    parameter("limit", place="query", schema=_LIMIT, required=False),
                ],
            )
        },
        "/v1/sessions/{session}/state": {
            "get": operation(
                "The graph's state after an answer",
                reply="StateView",
                problems=_PROBLEMS | {"413": "The state is larger than 1 MB"},
                parameters=[_SESSION, _AT],
            )
        },
        "/v1/sessions/{session}/fork": {
            "post": operation(
                "A new session that has this one's past",
                reply="ForkView",
                problems=_PROBLEMS
                | {
                    "409": "All of the user's sessions are busy",
                    "429": "Too many forks of this user; Retry-After says when",
                },
                parameters=[
                    _SESSION,
                    _AT,
                    parameter(
                        "Idempotency-Key",
                        place="header",
                        schema=_KEY,
                        required=False,
                        about="Within a day a repeat with the same key, for the same `at`, gets"
                        " the first fork. Without a key every request makes another one.",
                    ),
                ],
                status="201",
            )
        },
    }
