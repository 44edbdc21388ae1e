"""All that the edge answers over HTTP on its public port."""

from __future__ import annotations

from starlette.routing import BaseRoute

from parley_core.http_api import Askers
from parley_core.ports import Announcements
from parley_edge.edge import Edge
from parley_edge.http.frames import FramesApi
from parley_edge.http.members import MembershipApi
from parley_edge.http.sessions import EdgeApi
from parley_edge.http.streaming import Streams
from parley_edge.websocket.handshakes import Admission


def http_routes(
    edge: Edge, *, announcements: Announcements, admission: Admission, service_token: str
) -> list[BaseRoute]:
    """`admission` lets streams in; `service_token` makes a back end; empty, nobody is one."""
    askers = Askers(edge.authenticator, service_token=service_token)
    apis = (
        EdgeApi(askers, edge, announcements),
        MembershipApi(askers, edge.memberships),
        FramesApi(askers, edge),
        Streams(edge, admission=admission),
    )
    return [route for api in apis for route in api.routes()]
