"""The document at /openapi.json. Schemas come from the types, paths are written here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from parley_core.domain import limits
from parley_core.domain.server_frames import Ack, History, System
from parley_core.openapi import BACK_ENDS_ONLY, body, document, operation, parameter
from parley_edge.domain.posts import BroadcastPost, MemberPost, MessagePost, ReplyPut
from parley_edge.domain.views import (
    GroupView,
    PollView,
    PostedView,
    SessionList,
    ToldView,
)

_BODIES = [MessagePost, BroadcastPost, MemberPost, ReplyPut]
_FRAME = {
    "type": "object",
    "properties": {"type": {"enum": ["text", "answer", "cancel", "typing", "ack", "command"]}},
    "required": ["type"],
    "description": "A frame of the wire protocol, with the fields of its type.",
}
_REPLIES = [{"$ref": f"#/components/schemas/{name}"} for name in ("Ack", "History", "System")]
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
_USERS_ONLY: list[dict[str, Any]] = [{"user": []}]
_TOO_MANY = {"503": "Redis is away, or too many come at once; Retry-After says when"}
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
        replies=[
            PostedView,
            SessionList,
            ToldView,
            GroupView,
            PollView,
            Ack,
            History,
            System,
            *_BODIES,
        ],
    )


def _paths() -> dict[str, Any]:
    return {
        **_talk(),
        **_of_users(),
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


def _of_users() -> dict[str, Any]:
    """For clients on networks without WebSockets."""
    session = _query("session_id", "The session; without it the user's current one.")
    device = _query("device_id", "The device, where X-Parley-Device cannot be sent.")
    capabilities = _query("capabilities", "As in auth, joined by commas; none: a plain client.")
    frame = operation(
        "A frame of a client: text, answer, cancel, typing, ack or command",
        reply="Ack",
        problems=_PROBLEMS | _BODY_PROBLEMS | _NO_SESSION | {"409": "As the code says"},
        parameters=[session, device, capabilities],
        security=_USERS_ONLY,
    )
    frame["responses"]["200"]["content"] = {"application/json": {"schema": {"anyOf": _REPLIES}}}
    frame["responses"]["204"] = {"description": "Done, and nothing to say"}
    return {
        "/v1/messages": {"post": frame | body(_FRAME)},
        "/v1/stream": {
            "get": operation(
                "Frames of a session as server-sent events, or by polls",
                reply="PollView",
                problems=_PROBLEMS | _NO_SESSION | _TOO_MANY,
                parameters=[
                    session,
                    device,
                    capabilities,
                    _query("user_id", "The user, where X-Parley-User cannot be sent."),
                    _query("new_session", "true: make a new session; once, not when coming back."),
                    _query("mode", "stream (text/event-stream, without an end) or poll."),
                    _query("wait", "Seconds that a poll waits for the first event, 0 to 60."),
                    _query("last_event_id", "Where Last-Event-ID cannot be sent."),
                    parameter(
                        "Last-Event-ID",
                        place="header",
                        schema={"type": "string"},
                        required=False,
                        about="The id of the newest event that the client has: epoch-seq-id.",
                    ),
                ],
                security=_USERS_ONLY,
            )
        },
    }


def _query(name: str, about: str) -> dict[str, Any]:
    return parameter(name, place="query", schema={"type": "string"}, required=False, about=about)
