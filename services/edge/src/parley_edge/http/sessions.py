"""The HTTP API for back ends, and for users who ask for their own."""

from __future__ import annotations

from http import HTTPStatus
from math import ceil

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from parley_core.domain.asking import Asker, check_is_back_end, session_named, user_named
from parley_core.domain.broadcast import Broadcast
from parley_core.domain.codes import ErrorCode
from parley_core.domain.errors import Refused
from parley_core.domain.events import Accepted
from parley_core.domain.ids import ConnectionId, MessageId, SessionId, UserId
from parley_core.domain.server_frames import System, encode
from parley_core.http_api import Askers, body_of, json_reply
from parley_core.ports import Announcements
from parley_edge.domain.bucket import Bucket
from parley_edge.domain.posts import (
    BroadcastPost,
    MessagePost,
    author,
    mail_of,
    notice_of,
    receivers,
)
from parley_edge.domain.views import PostedView, SessionList, ToldView, session_view
from parley_edge.edge import Edge
from parley_edge.http.openapi import openapi_document
from parley_edge.patience import append_patiently

BROADCAST_RATE = 5.0
"""Broadcasts a second that one edge takes: each may go to every connection there is."""
BROADCASTS = 20
"""Broadcasts that one edge takes at once."""


class EdgeApi:
    """Messages and notices, and who has which sessions."""

    def __init__(self, askers: Askers, edge: Edge, announcements: Announcements) -> None:
        self._askers = askers
        self._edge = edge
        self._announcements = announcements
        self._broadcasts = Bucket(rate=BROADCAST_RATE, burst=BROADCASTS, now=edge.clock())

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/v1/sessions/{session}/messages", self.post, methods=["POST"]),
            Route("/v1/sessions", self.sessions, methods=["GET"]),
            Route("/v1/broadcast", self.broadcast, methods=["POST"]),
            Route("/openapi.json", _openapi),
        ]

    async def post(self, request: Request) -> Response:
        asker = await self._askers.of(request.headers)
        session = session_named(request.path_params["session"])
        post = await body_of(request, MessagePost)
        message_id = MessageId(post.message_id or self._edge.new_id())
        if post.role == "system":
            check_is_back_end(asker)
            accepted = await self._notice(session, post, message_id)
        else:
            accepted = await self._text(session, post, message_id, asker)
        view = PostedView(
            session_id=session,
            message_id=message_id,
            seq=accepted.seq or 0,
            repeated=accepted.repeated,
        )
        return json_reply(view, status=HTTPStatus.CREATED)

    async def _notice(
        self, session: SessionId, post: MessagePost, message_id: MessageId
    ) -> Accepted:
        frame = notice_of(post.content, session=session, message_id=message_id)
        return await self._announcements.post(session, message_id, frame=frame)

    async def _text(
        self, session: SessionId, post: MessagePost, message_id: MessageId, asker: Asker
    ) -> Accepted:
        mail = mail_of(
            post, user=author(post, asker), device=post.device_id or "", message_id=message_id
        )
        return await append_patiently(
            self._edge.conversations,
            session,
            mail,
            # One of its own: the agent's frames have none, and no connection sent this.
            origin=ConnectionId(self._edge.new_id()),
            value=msgspec.json.encode(post.content) if post.answers else b"",
        )

    async def sessions(self, request: Request) -> Response:
        asker = await self._askers.of(request.headers)
        user = _whose(asker, request.query_params.get("user"))
        listed = await self._edge.conversations.sessions(user, archived=True)
        return json_reply(SessionList(sessions=[session_view(each) for each in listed]))

    async def broadcast(self, request: Request) -> Response:
        check_is_back_end(await self._askers.of(request.headers))
        post = await body_of(request, BroadcastPost)
        users = receivers(post)
        if wait := self._broadcasts.take(now=self._edge.clock()):
            raise Refused(
                ErrorCode.RATE_LIMITED,
                "Too many broadcasts; slow down.",
                retry_after_ms=ceil(wait * 1000),
            )
        message_id = post.message_id or self._edge.new_id()
        frame = encode(System(notice=post.notice, message_id=message_id))
        edges = await self._announcements.broadcast(Broadcast(msgspec.Raw(frame), users))
        return json_reply(ToldView(message_id=message_id, edges=edges), status=HTTPStatus.ACCEPTED)


def _whose(asker: Asker, named: str | None) -> UserId:
    """Whose sessions are asked for: a user's own, or those of whom a back end names."""
    if asker.user is None:
        if named is None:
            raise Refused(ErrorCode.INVALID_MESSAGE, "user: whose sessions are asked for.")
        return user_named(named)
    if named not in {None, asker.user}:
        raise Refused(ErrorCode.FORBIDDEN, "You may not see another user's sessions.")
    return asker.user


async def _openapi(request: Request) -> Response:
    del request  # the same for everybody
    return json_reply(openapi_document())
