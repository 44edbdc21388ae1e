"""One port of one process: started, closed to newcomers, opened again, ended."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from parley_core.domain.errors import PermanentError
from parley_core.serving import HttpServer

NewServer = Callable[..., HttpServer]


async def whoami(request: Request) -> Response:
    assert request.client is not None
    return PlainTextResponse(request.client.host)


APP = Starlette(routes=[Route("/", whoami)])


@pytest.fixture
async def new_server() -> AsyncIterator[NewServer]:
    """Makes servers on 127.0.0.1, ended after the test."""
    made: list[HttpServer] = []

    def new(*, port: int = 0, **options: Any) -> HttpServer:
        made.append(HttpServer(APP, host="127.0.0.1", port=port, **options))
        return made[-1]

    yield new
    for server in made:
        await server.stop()


def url(server: HttpServer) -> str:
    return f"http://127.0.0.1:{server.port}/"


async def test_port_0_becomes_the_port_in_use(new_server: NewServer) -> None:
    server = new_server()

    await server.start()

    async with httpx.AsyncClient() as client:
        answer = await client.get(url(server))
    assert server.port > 0
    assert answer.status_code == 200
    assert "server" not in answer.headers


async def test_a_listener_that_closed_takes_nobody_in_and_keeps_who_is_there(
    new_server: NewServer,
) -> None:
    server = new_server()
    await server.start()

    async with httpx.AsyncClient() as inside, httpx.AsyncClient() as outside:
        await inside.get(url(server))
        await server.stop_listening()

        assert (await inside.get(url(server))).status_code == 200
        with pytest.raises(httpx.ConnectError):
            await outside.get(url(server))


async def test_a_listener_may_open_again_on_the_same_port(new_server: NewServer) -> None:
    server = new_server()
    await server.start()
    port = server.port

    await server.stop_listening()
    await server.listen_again()

    async with httpx.AsyncClient() as client:
        assert (await client.get(url(server))).status_code == 200
    assert server.port == port


async def test_the_kernel_holds_so_much_of_each_connection_and_no_more(
    new_server: NewServer,
) -> None:
    server = new_server(send_buffer=65_536)
    await server.start()

    async with httpx.AsyncClient() as client:
        await client.get(url(server))
        (connection,) = server._server.server_state.connections
        peer = connection.transport.get_extra_info("socket")

        # Linux counts its own bookkeeping in, and doubles what was asked for.
        assert peer.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) == 2 * 65_536


async def test_a_taken_port_is_one_clear_sentence(new_server: NewServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        port = stranger.getsockname()[1]

        with pytest.raises(PermanentError, match=f"Port {port} on 127.0.0.1 cannot be used"):
            await new_server(port=port).start()


async def test_two_servers_may_agree_to_share_a_port(new_server: NewServer) -> None:
    first = new_server(reuse_port=True)
    await first.start()
    second = new_server(port=first.port, reuse_port=True)
    await second.start()

    await first.stop_listening()

    async with httpx.AsyncClient() as client:
        assert (await client.get(url(first))).status_code == 200


async def test_a_server_that_did_not_agree_shares_with_nobody(new_server: NewServer) -> None:
    first = new_server()
    await first.start()

    with pytest.raises(PermanentError):
        await new_server(port=first.port, reuse_port=True).start()


async def test_a_header_does_not_change_who_the_peer_is(new_server: NewServer) -> None:
    server = new_server()
    await server.start()

    async with httpx.AsyncClient() as client:
        answer = await client.get(url(server), headers={"x-forwarded-for": "10.0.0.9"})

    assert answer.text == "127.0.0.1"


async def test_a_stopped_server_leaves_its_port_to_others(new_server: NewServer) -> None:
    server = new_server()
    await server.start()
    async with httpx.AsyncClient() as client:
        await client.get(url(server))

        async with asyncio.timeout(3):
            await server.stop()

    with socket.create_server(("127.0.0.1", server.port)):
        pass


@pytest.mark.parametrize(
    ("certificate", "private_key", "sentence"),
    [
        (Path("nowhere.pem"), None, "SSL_CERTFILE nowhere.pem or SSL_KEYFILE None cannot be used"),
        (None, Path("key.pem"), "SSL_KEYFILE is set without SSL_CERTFILE"),
    ],
)
async def test_a_certificate_that_cannot_be_used_is_one_clear_sentence(
    new_server: NewServer, certificate: Path | None, private_key: Path | None, sentence: str
) -> None:
    server = new_server(certificate=certificate, private_key=private_key)

    with pytest.raises(PermanentError, match=sentence):
        await server.start()
