"""The HTTP API: a conversation's history, its states, and forks of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from http import HTTPStatus

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from parley_conversation.branching import Branching, NothingKept
from parley_conversation.domain.queries import (
    fork_request,
    number_named,
    seq_named,
    session_named,
)
from parley_conversation.domain.views import ForkView, HistoryView, StateView
from parley_conversation.graph.rendering import rendered
from parley_conversation.memory import Log
from parley_conversation.openapi import openapi_document
from parley_conversation.ports import Branches
from parley_core.domain import limits
from parley_core.domain.asking import BACK_END
from parley_core.domain.codes import ErrorCode
from parley_core.domain.errors import Refused
from parley_core.domain.ids import SessionId, UserId
from parley_core.http_api import PROBLEMS, Askers, json_reply


class ConversationApi:
    """Open to a session's owner and to back ends. `nonce` names forks whose caller did not."""

    def __init__(
        self,
        askers: Askers,
        log: Log,
        branches: Branches,
        branching: Branching,
        *,
        nonce: Callable[[], str],
    ) -> None:
        self._askers = askers
        self._log = log
        self._branches = branches
        self._branching = branching
        self._nonce = nonce

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/v1/sessions/{session}/history", self.history, methods=["GET"]),
                Route("/v1/sessions/{session}/state", self.state, methods=["GET"]),
                Route("/v1/sessions/{session}/fork", self.fork, methods=["POST"]),
                Route("/openapi.json", _openapi),
            ],
            exception_handlers=PROBLEMS,
        )

    async def history(self, request: Request) -> Response:
        session, _ = await self._allowed(request)
        query = request.query_params
        before = seq_named("before", query.get("before"))
        limit = number_named("limit", query.get("limit"), least=1, most=limits.HISTORY)
        events, has_more = await self._log.history(
            session, before=before, limit=limit or limits.HISTORY
        )
        messages = [msgspec.Raw(event.body) for event in events]
        return json_reply(HistoryView(session_id=session, messages=messages, has_more=has_more))

    async def state(self, request: Request) -> Response:
        session, _ = await self._allowed(request)
        at = seq_named("at", request.query_params.get("at"))
        try:
            mark, state = await self._branching.kept(session, at=at)
        except NothingKept as nothing:
            raise _not_found(nothing) from None
        questions = [{"interrupt_id": each.id, "value": each.value} for each in state.interrupts]
        # A large state takes a while, in which turns should go on.
        interrupts, values = await asyncio.to_thread(
            lambda: (rendered(questions), rendered(state.values))
        )
        view = StateView(
            session_id=session,
            seq=mark.seq,
            checkpoint_id=mark.checkpoint,
            created_at=state.created_at,
            next=list(state.next),
            interrupts=interrupts,
            values=values,
        )
        return json_reply(view)

    async def fork(self, request: Request) -> Response:
        session, owner = await self._allowed(request)
        at = seq_named("at", request.query_params.get("at"))
        key = request.headers.get("idempotency-key", self._nonce())
        try:
            made = await self._branching.fork(
                session, owner=owner, at=at, request=fork_request(key, at=at)
            )
        except NothingKept as nothing:
            raise _not_found(nothing) from None
        view = ForkView(session_id=made.session, seq=made.seq)
        return json_reply(view, status=HTTPStatus.CREATED)

    async def _allowed(self, request: Request) -> tuple[SessionId, UserId]:
        """The session and its owner, if who asks may. Raises `Refused`."""
        asker = await self._askers.of(request.headers)
        session = session_named(request.path_params["session"])
        owner = await self._branches.owner(session)
        if asker != BACK_END and asker.user != owner:
            raise Refused(ErrorCode.FORBIDDEN, "This session belongs to somebody else.")
        return session, owner


async def _openapi(request: Request) -> Response:
    del request  # the same for everybody
    return json_reply(openapi_document())


def _not_found(nothing: NothingKept) -> HTTPException:
    return HTTPException(HTTPStatus.NOT_FOUND, str(nothing))
