"""One connection of the SDK, and servers that do not let it in."""

from __future__ import annotations

from http import HTTPStatus

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

import parley
from parley.connection import address, open_connection
from parley_core.domain.client_frames import Auth, Position


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("ws://host:8765", "ws://host:8765/?resume=1"),
        ("wss://host/ws", "wss://host/ws?resume=1"),
        ("ws://host/ws?tenant=a", "ws://host/ws?tenant=a&resume=1"),
    ],
)
def test_who_comes_back_says_so_in_the_request_line(url: str, asked: str) -> None:
    assert address(url, resumes=True) == asked
    assert address(url, resumes=False) == url


@pytest.mark.parametrize(("retry_after", "delay"), [("3", 3.0), ("999", 20.0), ("soon", 0.0)])
async def test_a_server_that_is_busy_says_when_to_come_again(
    retry_after: str, delay: float
) -> None:
    paths: list[str] = []

    def refuse(connection: ServerConnection, request: Request) -> Response:
        paths.append(request.path)
        response = connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "busy\n")
        response.headers["Retry-After"] = retry_after
        return response

    async def serve_nobody(_connection: ServerConnection) -> None:
        raise AssertionError

    auth = Auth(user_id="ada", device_id="one", resume=Position("e", 1, "m"))
    async with serve(serve_nobody, "127.0.0.1", 0, process_request=refuse) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(parley.Lost, match="is busy") as lost:
            await open_connection(f"ws://127.0.0.1:{port}/ws", auth=auth, number=1)

    assert lost.value.delay == delay
    assert paths == ["/ws?resume=1"]
