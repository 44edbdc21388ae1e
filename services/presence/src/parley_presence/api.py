"""The HTTP API: who is where, and which processes live."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from parley_core.domain.asking import check_is_back_end, user_named
from parley_core.http_api import PROBLEMS, Askers, json_reply
from parley_core.ports import Authenticator, Connections, Processes
from parley_presence.domain.asking import check_may_see, users_named
from parley_presence.domain.views import PresenceList, presence_view, process_list
from parley_presence.openapi import openapi_document


class PresenceApi:
    """`service_token` opens everything to back ends; empty, none of it is open to them."""

    def __init__(
        self,
        *,
        connections: Connections,
        processes: Processes,
        authenticator: Authenticator,
        service_token: str,
    ) -> None:
        self._connections = connections
        self._processes = processes
        self._askers = Askers(authenticator, service_token=service_token)

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/v1/presence/{user:path}", self.of_one),
                Route("/v1/presence", self.of_several),
                Route("/v1/processes", self.of_processes),
                Route("/openapi.json", _openapi),
            ],
            exception_handlers=PROBLEMS,
        )

    async def of_one(self, request: Request) -> Response:
        asker = await self._askers.of(request.headers)
        user = user_named(request.path_params["user"])
        check_may_see(asker, [user])
        (found,) = await self._connections.whereabouts([user])
        return json_reply(presence_view(found))

    async def of_several(self, request: Request) -> Response:
        asker = await self._askers.of(request.headers)
        users = users_named(request.url.query)
        check_may_see(asker, users)
        found = await self._connections.whereabouts(users)
        return json_reply(PresenceList(presence=[presence_view(each) for each in found]))

    async def of_processes(self, request: Request) -> Response:
        check_is_back_end(await self._askers.of(request.headers))
        return json_reply(process_list(await self._processes.alive()))


async def _openapi(request: Request) -> Response:
    del request  # the same for everybody
    return json_reply(openapi_document())
