"""Orders to real processes."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio

from parley_core.domain.errors import TemporaryError
from parley_operator.orders import HttpOrders
from parley_operator.ports import Refusal
from parley_testing.ports import free_port
from parley_testing.release import TOKEN, Release, eventually


@pytest_asyncio.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def orders(session: aiohttp.ClientSession) -> HttpOrders:
    return HttpOrders(session, token=TOKEN)


@pytest.mark.parametrize("kind", ["edge", "conversation"])
async def test_a_process_drains_says_how_far_it_is_and_serves_again(
    release: Release, orders: HttpOrders, kind: str
) -> None:
    process = await release.run(kind, "pod-a")

    begun = await orders.drain(process.admin_url, kind=kind, within=5)
    assert begun.is_draining

    async def is_over() -> bool:
        return (await orders.progress(process.admin_url, kind=kind)).is_over

    await eventually(is_over)
    assert not await release.is_ready(process)
    await orders.take_back(process.admin_url)
    assert not (await orders.progress(process.admin_url, kind=kind)).is_draining
    assert await release.is_ready(process)


async def test_an_order_without_the_right_token_is_refused_for_good(
    release: Release, session: aiohttp.ClientSession
) -> None:
    edge = await release.run("edge", "edge-a")

    with pytest.raises(Refusal, match="403"):
        await HttpOrders(session, token="wrong").drain(edge.admin_url, kind="edge", within=5)


async def test_an_edge_without_others_refuses_to_send_connections_on(
    release: Release, orders: HttpOrders
) -> None:
    edge = await release.run("edge", "edge-a")

    with pytest.raises(Refusal, match="No other edge"):
        await orders.rebalance(edge.admin_url, share=0.5, within=5)


async def test_what_does_not_answer_may_answer_later(orders: HttpOrders, release: Release) -> None:
    frozen = await release.run("edge", "edge-a")
    frozen.signal(signal.SIGSTOP)

    with pytest.raises(TemporaryError):
        await orders.progress(frozen.admin_url, kind="edge")
    with pytest.raises(TemporaryError):
        await orders.progress(f"http://127.0.0.1:{free_port()}", kind="edge")


async def test_a_process_of_another_kind_says_something_else(
    release: Release, orders: HttpOrders
) -> None:
    worker = await release.run("conversation", "worker-a")

    with pytest.raises(Refusal, match="something else"):
        await orders.progress(worker.admin_url, kind="edge")
