"""The admin port: who may ask, who may order, and what it says."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from parley_core.admin import admin_app, admin_url, own_address

TOKEN = "s3cret"

Client = AbstractAsyncContextManager[httpx.AsyncClient]


@asynccontextmanager
async def admin(
    *,
    peer: str = "127.0.0.1",
    token: str = "",
    unready: Callable[[], str | None] = lambda: None,
    unhealthy: Callable[[], str | None] = lambda: None,
) -> AsyncIterator[httpx.AsyncClient]:
    """A client at `peer` of an admin port that takes the order `/drain`."""

    async def drain(_request: Request) -> Response:
        return PlainTextResponse("draining")

    app = admin_app(
        unready=unready,
        unhealthy=unhealthy,
        service_token=token,
        routes=[Route("/drain", drain, methods=["GET", "POST", "DELETE"])],
    )
    transport = httpx.ASGITransport(app, client=(peer, 1234))
    async with httpx.AsyncClient(transport=transport, base_url="http://admin") as client:
        yield client


async def test_a_process_that_runs_is_healthy_ready_or_not() -> None:
    async with admin(unready=lambda: "draining") as client:
        health, ready = await client.get("/healthz"), await client.get("/readyz")

    assert health.status_code == 200
    assert (ready.status_code, ready.text) == (503, "draining\n")


async def test_a_process_that_is_stuck_says_why_it_should_be_started_anew() -> None:
    async with admin(unhealthy=lambda: "deaf") as client:
        health, ready = await client.get("/healthz"), await client.get("/readyz")

    assert (health.status_code, health.text) == (503, "deaf\n")
    assert ready.status_code == 200


async def test_readiness_is_asked_anew_each_time() -> None:
    reasons = ["starting", None]
    async with admin(unready=lambda: reasons.pop(0)) as client:
        answers = [await client.get("/readyz"), await client.get("/readyz")]

    assert [answer.status_code for answer in answers] == [503, 200]


async def test_metrics_are_prometheus_text() -> None:
    async with admin() as client:
        answer = await client.get("/metrics")

    assert answer.headers["content-type"].startswith("text/plain")
    assert "python_info" in answer.text


@pytest.mark.parametrize("method", ["POST", "DELETE"])
@pytest.mark.parametrize(
    ("peer", "token", "header", "status"),
    [
        ("127.0.0.1", TOKEN, f"Bearer {TOKEN}", 200),
        ("10.0.0.9", TOKEN, f"bearer {TOKEN}", 200),
        ("127.0.0.1", TOKEN, None, 403),
        ("127.0.0.1", TOKEN, "Bearer other", 403),
        ("127.0.0.1", TOKEN, f"Basic {TOKEN}", 403),
        ("127.0.0.1", TOKEN, "Bearer gehe\xefm", 403),
        ("127.0.0.1", "", None, 200),
        ("127.0.0.2", "", None, 200),
        ("::1", "", None, 200),
        ("::ffff:127.0.0.1", "", None, 200),
        ("10.0.0.9", "", None, 403),
        ("::ffff:10.0.0.9", "", None, 403),
        ("10.0.0.9", "", "Bearer ", 403),
    ],
)
async def test_an_order_needs_the_token_or_without_one_loopback(
    peer: str, token: str, header: str | None, status: int, method: str
) -> None:
    headers = {} if header is None else {b"authorization": header.encode("latin-1")}
    async with admin(peer=peer, token=token) as client:
        answer = await client.request(method, "/drain", headers=headers)

    assert answer.status_code == status


async def test_asking_needs_no_token() -> None:
    async with admin(peer="10.0.0.9", token=TOKEN) as client:
        answer = await client.get("/drain")

    assert answer.status_code == 200


async def test_a_page_in_a_browser_of_this_machine_may_not_order() -> None:
    async with admin() as client:
        answer = await client.post("/drain", headers={"origin": "https://elsewhere.example"})

    assert answer.status_code == 403
    assert "same machine" in answer.json()["message"]


async def test_a_refusal_shows_no_token() -> None:
    async with admin(token=TOKEN) as client:
        answer = await client.post("/drain", headers={"authorization": "Bearer other"})

    assert TOKEN not in answer.text
    assert "other" not in answer.text


@pytest.mark.parametrize(
    ("advertised", "listens_on", "url"),
    [
        ("10.1.2.3", "0.0.0.0", "http://10.1.2.3:8766"),
        ("edge-1.parley", "10.0.0.1", "http://edge-1.parley:8766"),
        ("", "10.0.0.1", "http://10.0.0.1:8766"),
        ("fd00::1", "::", "http://[fd00::1]:8766"),
    ],
)
def test_others_are_told_what_the_operator_says_else_where_it_listens(
    advertised: str, listens_on: str, url: str
) -> None:
    told = admin_url(port=8766, listens_on=listens_on, advertised=advertised, takes_orders=True)

    assert told == url


@pytest.mark.parametrize("everywhere", ["0.0.0.0", "::"])
def test_a_process_that_listens_everywhere_is_found_where_it_takes_orders(everywhere: str) -> None:
    far, near = (
        admin_url(port=1, listens_on=everywhere, advertised="", takes_orders=takes_orders)
        for takes_orders in (True, False)
    )

    assert far == f"http://{own_address()}:1"
    assert near == "http://127.0.0.1:1"


def test_the_own_address_is_one_that_this_machine_can_listen_on() -> None:
    with socket.create_server((own_address(), 0)) as listener:
        assert listener.getsockname()[0] == own_address()
