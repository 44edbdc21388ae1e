"""The document at /openapi.json. Schemas come from the types, paths are written here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from parley_core.domain import limits
from parley_core.openapi import BACK_ENDS_ONLY, body, document, operation, parameter
from parley_edge.domain.posts import BroadcastPost, MemberPost, MessagePost, ReplyPut
from parley_edge.domain.views import GroupView, PostedView, SessionList, ToldView

_BODIES = [MessagePost, BroadcastPost, MemberPost, ReplyPut]
_PROBLEMS = {
    "400": "The body or a parameter is wrong",
    "401": "Neither a service token nor a user",
    "403": "Not yours to do",
    "503": "Redis is away; repeat the request as it was",
}
_BODY_PROBLEMS = {
    "408": "The body did not come in time",
    "413": "The body is larger than 1 MB",
    "429": "Too many; Retry-After says when",
}
_NO_SESSION = {"404": "There is no such session"}
_SESSION = parameter("session", place="path", schema={"type": "string"})
_ONE = "/v1/sessions/{session}"
_NAME = {"type": "string", "minLength": 1, "maxLength": limits.NAME}


def openapi_document() -> dict[str, Any]:
    """OpenAPI 3.1."""
    return document(
        "Parley edge",
        description="Messages into sessions, notices, a user's sessions and who is in them. A back"
        " end may do all of it, a user what one may over the WebSocket.",
        paths=_paths(),
        replies=[PostedView, SessionList, ToldView, GroupView, *_BODIES],
    )


def _paths() -> dict[str, Any]:
    return {
        **_talk(),
        _ONE: {"delete": _changes("Delete a session with all that it has", problems={})},
        f"{_ONE}/members": {
            "get": operation(
                "Who is in a session",
                reply="GroupView",
                problems=_PROBLEMS | _NO_SESSION,
                parameters=[_SESSION],
            ),
            "post": _changes(
                "Give somebody a role",
                takes="MemberPost",
                problems={"409": "The session has as many members as it may have"},
            ),
        },
        f"{_ONE}/members/{{user}}": {
            "delete": _changes(
                "Take somebody out, or leave",
                problems=_NO_SESSION,
                parameters=[parameter("user", place="path", schema=_NAME)],
            )
        },
        f"{_ONE}/reply": {"put": _changes("When the agent answers", takes="ReplyPut", problems={})},
    }


def _changes(
    summary: str,
    *,
    problems: dict[str, str],
    takes: str | None = None,
    parameters: Sequence[dict[str, Any]] = (),
) -> dict[str, Any]:
    """An operation on a session whose answer is that it was done."""
    all_problems = _PROBLEMS | problems
    if takes:
        all_problems |= _BODY_PROBLEMS | _NO_SESSION
    described = operation(
        summary,
        reply=None,
        problems=all_problems,
        parameters=[_SESSION, *parameters],
        status="204",
    )
    return described | (body(takes) if takes else {})


def _talk() -> dict[str, Any]:
    return {
        f"{_ONE}/messages": {
            "post": operation(
                "A message into a session",
                reply="PostedView",
                problems=_PROBLEMS
                | _BODY_PROBLEMS
                | _NO_SESSION
                | {"409": "Too many inputs wait, or it is too late to tell a repeat"},
                parameters=[_SESSION],
                status="201",
            )
            | body("MessagePost")
        },
        "/v1/sessions": {
            "get": operation(
                "The sessions of a user",
                reply="SessionList",
                problems=_PROBLEMS,
                parameters=[
                    parameter(
                        "user",
                        place="query",
                        schema=_NAME,
                        required=False,
                        about="Whose sessions; a back end names somebody, a user is oneself.",
                    )
                ],
            )
        },
        "/v1/broadcast": {
            "post": operation(
                "A live notice to those who are connected",
                reply="ToldView",
                problems=_PROBLEMS | _BODY_PROBLEMS,
                security=BACK_ENDS_ONLY,
                status="202",
            )
            | body("BroadcastPost")
        },
    }
