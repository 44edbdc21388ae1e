"""Which handshakes come in, by the rule and at a real edge."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from parley_edge.websocket.handshakes import Admission, says_resume, turned_away
from parley_testing.stream_client import StreamClient


def test_past_the_rate_new_clients_wait_and_those_that_resume_come_in() -> None:
    now = [0.0]
    admission = Admission(rate=10.0, clock=lambda: now[0])

    new = [admission.admit(resumes=False) for _ in range(7)]
    resuming = [admission.admit(resumes=True) for _ in range(6)]
    now[0] += 1.0
    later = admission.admit(resumes=False)

    assert [wait is None for wait in new] == [True] * 5 + [False] * 2
    assert [wait is None for wait in resuming] == [True] * 5 + [False]
    assert later is None


@pytest.mark.parametrize(
    ("target", "resumes"),
    [
        ("/ws?resume=1", True),
        ("/?tenant=a&resume=1", True),
        ("/ws", False),
        ("/ws?resume=0", False),
        ("/ws?resumed=1", False),
        ("/resume=1", False),
        ("/ws?resume=1&resume=0", False),
    ],
)
def test_who_comes_back_says_so_in_the_query(target: str, *, resumes: bool) -> None:
    assert says_resume(target) is resumes


@pytest.mark.parametrize(("wait", "seconds"), [(0.001, 1), (1.0, 1), (1.2, 2), (20.0, 20)])
def test_http_counts_the_wait_in_whole_seconds(wait: float, seconds: int) -> None:
    assert b"Retry-After: %d\r\n" % seconds in turned_away(wait)


async def test_an_edge_in_a_storm_turns_new_clients_away_and_takes_those_that_resume(
    new_edge: Any,
) -> None:
    async with (
        new_edge(ADMISSION_RATE="1") as edge,
        httpx.AsyncClient(base_url=edge.admin_url) as admin,
        connect(edge.url),
    ):
        with pytest.raises(InvalidStatus) as refused:
            await connect(edge.url)
        async with connect(f"{edge.url}?resume=1"):
            pass
        metrics = (await admin.get("/metrics")).text

    response = refused.value.response
    assert response.status_code == 503
    assert response.headers["Retry-After"] in {"1", "2"}
    assert 'parley_edge_handshakes_turned_away_total{kind="new"} 1.0' in metrics
    assert 'kind="resume"' not in metrics


@pytest.mark.parametrize("mode", ["stream", "poll"])
async def test_streams_and_polls_share_the_rate_and_are_told_when_to_come(
    new_edge: Any, mode: str
) -> None:
    async with (
        new_edge(ADMISSION_RATE="1") as edge,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{edge.port}") as http,
        httpx.AsyncClient(base_url=edge.admin_url) as admin,
        connect(edge.url),
    ):
        refused = await http.get(
            "/v1/stream", params={"user_id": "ann", "device_id": "tv", "mode": mode}
        )
        async with StreamClient(edge.port, "ann", last_id="x-0-") as resuming:
            system = await resuming.receive("system")
        metrics = (await admin.get("/metrics")).text

    assert (refused.status_code, refused.json()["code"]) == (503, "UNAVAILABLE")
    assert refused.headers["Retry-After"] in {"1", "2"}
    assert system["recovered"] is False
    assert 'parley_edge_handshakes_turned_away_total{kind="new"} 1.0' in metrics
    assert 'kind="resume"' not in metrics


async def test_what_no_stream_could_come_of_takes_no_place(new_edge: Any) -> None:
    async with (
        new_edge(ADMISSION_RATE="1") as edge,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{edge.port}") as http,
    ):
        wrong = [await http.get("/v1/stream") for _ in range(3)]
        async with connect(edge.url):
            pass

    assert {reply.status_code for reply in wrong} == {400}
