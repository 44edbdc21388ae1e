"""Connections for networks without WebSockets: a stream of events, or polls."""

from __future__ import annotations

from math import ceil
from zlib import crc32

import msgspec
from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from parley_core.authentication import bearer_token
from parley_core.domain.client_frames import Auth
from parley_core.domain.codes import ErrorCode
from parley_core.domain.errors import Refused
from parley_core.domain.server_frames import Error, decode
from parley_core.http_api import header_of, json_reply
from parley_edge.connection import AUTH_TIMEOUT, Connection
from parley_edge.domain.event_stream import beginning, event_id, read
from parley_edge.domain.lifecycle import Phase
from parley_edge.domain.polling import is_worth_a_reply
from parley_edge.domain.stream_request import StreamRequest, stream_request
from parley_edge.domain.views import PollView, closed_view
from parley_edge.edge import Edge
from parley_edge.http.event_stream import EventResponse, EventStream
from parley_edge.http.protocol import TRANSPORT, lose_when_deaf
from parley_edge.requests import carry_out
from parley_edge.websocket.handshakes import Admission

_SETTLED_WITHIN = 5.0
"""Seconds that a poll waits for what the log has, whatever the client says; Redis may be away."""
_LOOK = 0.005
"""Seconds between two looks whether it is there: a connection says nothing when it is live."""
_RETRY_MS, _SPREAD_MS = 200, 1_000
"""Readers whose stream ended come back after this and a part of that: not all at once."""


class Streams:
    """Each stream and each poll is a connection of its own, as a WebSocket is."""

    def __init__(self, edge: Edge, *, admission: Admission) -> None:
        """`admission` is asked for each, as for a handshake."""
        self._edge = edge
        self._admission = admission

    def routes(self) -> list[BaseRoute]:
        return [Route("/v1/stream", self.open, methods=["GET"])]

    async def open(self, request: Request) -> Response | EventResponse:
        asked = _asked(request)
        self._admit(asked)
        edge, is_poll = self._edge, asked.wait is not None
        transport = request.scope["extensions"][TRANSPORT]
        lose_when_deaf(transport)
        stream = EventStream(transport, clock=edge.clock, is_poll=is_poll)
        connection = Connection(stream, edge=edge, carry_out=carry_out)
        stream.listen(connection)
        try:
            await _begin(connection, stream, asked.auth)
        except BaseException:
            stream.lose()
            raise
        if asked.wait is None:
            return EventResponse(stream, first=beginning(retry_ms=_retry(connection)))
        async with stream.read_by(request.receive):
            return await self._poll(connection, stream, asked, until=edge.clock() + asked.wait)

    def _admit(self, asked: StreamRequest) -> None:
        """Raises `Refused` if too many come at once."""
        wait = self._admission.admit(resumes=asked.auth.resume is not None)
        if wait is not None:
            raise Refused(
                ErrorCode.UNAVAILABLE,
                "Too many come at once; come again later.",
                retry_after_ms=max(1, ceil(wait * 1000)),
            )

    async def _poll(
        self,
        connection: Connection,
        stream: EventStream,
        asked: StreamRequest,
        *,
        until: float,
    ) -> Response:
        resumed = "" if asked.auth.resume is None else event_id(asked.auth.resume)
        await self._settled(connection, stream)
        found = read(stream.look())
        while (left := until - self._edge.clock()) > 0 and not stream.is_over:
            if is_worth_a_reply(found.frames, last_id=found.last_id, resumed=resumed):
                break
            await stream.news(within=left)
            found = read(stream.look())
        view = PollView(
            events=found.frames,
            last_event_id=found.last_id or resumed,
            closed=None if stream.closed is None else closed_view(stream.closed),
        )
        return json_reply(view, headers={"Cache-Control": "no-store"})

    async def _settled(self, connection: Connection, stream: EventStream) -> None:
        """What the client missed is there, or as much of it as one reply has room for."""
        late = self._edge.clock() + _SETTLED_WITHIN
        while connection.phase is not Phase.LIVE and stream.is_writable:
            if self._edge.clock() > late:
                return
            await stream.news(within=_LOOK)
            stream.look()


def _asked(request: Request) -> StreamRequest:
    headers = {
        name: value
        for name in ("x-parley-user", "x-parley-device", "last-event-id")
        if (value := header_of(request.headers, name)) is not None
    }
    token = bearer_token(request.headers.get("authorization"))
    return stream_request(request.query_params, headers, token=token)


async def _begin(connection: Connection, stream: EventStream, auth: Auth) -> None:
    """Returns when there is something for the client. Raises `Refused` instead of a stream."""
    connection.received(msgspec.json.encode(auth).decode())
    await stream.news(within=AUTH_TIMEOUT)
    frames = read(stream.look()).frames
    if frames and (stream.is_over or connection.phase is Phase.NEW):
        frame = decode(bytes(frames[0]))
        if isinstance(frame, Error):
            delay = frame.retry_after_ms
            raise Refused(
                frame.code, frame.message, retry_after_ms=None if delay is UNSET else delay
            )


def _retry(connection: Connection) -> int:
    return _RETRY_MS + crc32(connection.id.encode()) % _SPREAD_MS
