"""The HTTP API of sessions themselves: who is in one, when the agent answers, and its end."""

from __future__ import annotations

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from parley_core.domain.asking import user_named
from parley_core.domain.ids import SessionId, UserId
from parley_core.domain.members import Role
from parley_core.http_api import Askers, body_of, json_reply
from parley_core.ports import Memberships
from parley_edge.domain.posts import MemberPost, ReplyPut
from parley_edge.domain.views import group_view


class MembershipApi:
    """A back end may do what a session's owner may. All of it may be repeated."""

    def __init__(self, askers: Askers, memberships: Memberships) -> None:
        self._askers = askers
        self._memberships = memberships

    def routes(self) -> list[BaseRoute]:
        session = "/v1/sessions/{session}"
        return [
            Route(session, self.drop, methods=["DELETE"]),
            Route(f"{session}/members", self.members, methods=["GET"]),
            Route(f"{session}/members", self.add, methods=["POST"]),
            Route(f"{session}/members/{{user:path}}", self.remove, methods=["DELETE"]),
            Route(f"{session}/reply", self.set_reply, methods=["PUT"]),
        ]

    async def drop(self, request: Request) -> Response:
        session, by = await self._asked(request)
        await self._memberships.drop(session, by=by)
        return Response(status_code=HTTPStatus.NO_CONTENT)

    async def members(self, request: Request) -> Response:
        session, by = await self._asked(request)
        return json_reply(group_view(session, await self._memberships.members(session, by=by)))

    async def add(self, request: Request) -> Response:
        session, by = await self._asked(request)
        post = await body_of(request, MemberPost)
        await self._memberships.set_role(session, UserId(post.user_id), role=Role(post.role), by=by)
        return Response(status_code=HTTPStatus.NO_CONTENT)

    async def remove(self, request: Request) -> Response:
        session, by = await self._asked(request)
        user = user_named(request.path_params["user"])
        await self._memberships.remove(session, user, by=by)
        return Response(status_code=HTTPStatus.NO_CONTENT)

    async def set_reply(self, request: Request) -> Response:
        session, by = await self._asked(request)
        put = await body_of(request, ReplyPut)
        await self._memberships.set_reply(session, put.mode, by=by)
        return Response(status_code=HTTPStatus.NO_CONTENT)

    async def _asked(self, request: Request) -> tuple[SessionId, UserId | None]:
        """The session that is asked about, and by whom; None is a back end."""
        asker = await self._askers.of(request.headers)
        return SessionId(request.path_params["session"]), asker.user
