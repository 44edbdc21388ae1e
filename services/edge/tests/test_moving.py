"""Connections that move from edge to edge: at the receivers' pace, whoever comes and goes."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, NamedTuple, Self

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from parley_testing.stack import ablated
from parley_testing.wire import WireClient

CEILING = 100
"""Resumes a second of one receiver, in these tests."""
MOST = CEILING * 1.1
"""In any one second."""
PACE = {"RESUME_RATE": str(CEILING)}


class Crowd:
    """Clients of one edge that move to another one when they are asked to."""

    def __init__(self, *, to: str, seed: int = 7) -> None:
        self._to = to
        self._random = random.Random(seed)
        self._stack = AsyncExitStack()
        self._group = asyncio.TaskGroup()
        self.clients: list[WireClient] = []
        self.asked: list[float] = []
        self.reasons: set[str] = set()
        self.arrivals: list[float] = []
        """When each moved connection was attached at its new edge, by a monotonic clock."""

    @asynccontextmanager
    async def on(self, edge: Any, *, count: int, name: str = "user") -> AsyncIterator[Crowd]:
        async with self._stack, self._group:
            self.clients = await asyncio.gather(
                *(self._stack.enter_async_context(edge.client()) for _ in range(count))
            )
            for number, client in enumerate(self.clients):
                await client.auth(f"{name}-{number}", capabilities=["ack"])
            moving = [self._group.create_task(self._move(client)) for client in self.clients]
            try:
                yield self
            finally:
                for task in moving:
                    task.cancel()

    async def moved(self, count: int, *, within: float = 15.0) -> None:
        async with asyncio.timeout(within):
            while len(self.arrivals) < count:
                await asyncio.sleep(0.02)

    async def _move(self, client: WireClient) -> None:
        try:
            told = await client.receive("reconnect", within=60)
        except ConnectionClosed:
            return
        self.asked.append(time.monotonic())
        self.reasons.add(told["reason"])
        await asyncio.sleep(told["within_ms"] / 1000 * self._random.random())
        successor = await self._stack.enter_async_context(WireClient(self._to))
        await successor.auth("mover", f"phone-{len(self.asked)}", capabilities=["ack"])
        self.arrivals.append(time.monotonic())
        await client.socket.close()


class Look(NamedTuple):
    """How many were asked at some moment between two."""

    began: float
    asked: int
    ended: float


class Watch:
    """How many an edge has asked, looked at again and again.

    Counted there, not where clients of this process arrive: a machine that is busy with others
    makes these late, several at a time.
    """

    def __init__(self, admin: httpx.AsyncClient, *, path: str = "/drain") -> None:
        self._admin = admin
        self._path = path
        self._looks: list[Look] = []
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._keep_looking())
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        await self._look()

    @property
    def took(self) -> tuple[float, float]:
        """Seconds from the first that was asked to the last: at least, and at most."""
        count = self._looks[-1].asked
        before = [look for look in self._looks if look.asked == 0]
        meanwhile = [look for look in self._looks if 0 < look.asked < count]
        after = [look for look in self._looks if look.asked == count]
        least = meanwhile[-1].began - meanwhile[0].ended if meanwhile else 0.0
        return least, after[0].ended - before[-1].began

    @property
    def most_in_a_second(self) -> int:
        """What the looks prove at least; a late look proves less."""
        return max(
            last.asked - first.asked
            for at, first in enumerate(self._looks)
            for last in self._looks[at:]
            if last.ended - first.began <= 1.0
        )

    async def _keep_looking(self) -> None:
        while True:
            await self._look()
            await asyncio.sleep(0.02)

    async def _look(self) -> None:
        began = time.monotonic()
        asked = (await progress(self._admin, self._path))["asked"]
        self._looks.append(Look(began, asked, time.monotonic()))


def assert_took(watch: Watch, seconds: float, *, times: float = 1.5) -> None:
    """Not less than that and not so many `times` as long, for all that the looks prove."""
    least, most = watch.took
    assert most >= 0.9 * seconds
    assert least <= times * seconds


def admin_of(edge: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=edge.admin_url)


async def progress(admin: httpx.AsyncClient, path: str = "/drain") -> dict[str, Any]:
    return dict((await admin.get(path)).json())


@pytest.fixture
def until_rate(eventually: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """Waits until a drain goes at a rate."""

    async def wait(admin: httpx.AsyncClient, rate: float) -> None:
        async def is_there() -> bool:
            return bool((await progress(admin))["rate"] == rate)

        await eventually(is_there)

    return wait


async def test_a_drain_goes_at_the_receivers_rate_all_the_time(new_edge: Any) -> None:
    count = 180
    async with (
        new_edge(**PACE) as old,
        new_edge(SERVER_ID="edge-2", MAX_CONNECTIONS_PER_USER="10000") as new,
        admin_of(old) as admin,
        Crowd(to=new.url).on(old, count=count) as crowd,
        Watch(admin) as watch,
    ):
        await admin.post("/drain", params={"within": "30"})
        await crowd.moved(count)
        last = await progress(admin)

    assert watch.most_in_a_second <= MOST
    assert_took(watch, count / CEILING)
    assert crowd.reasons == {"drain"}
    assert (last["asked"], last["moved"], last["receivers"]) == (count, count, 1)


async def test_without_its_pace_a_drain_is_seen_to_break_the_ceiling(new_edge: Any) -> None:
    count = 150
    async with (
        new_edge(**PACE, **ablated("pace")) as old,
        new_edge(SERVER_ID="edge-2", MAX_CONNECTIONS_PER_USER="10000") as new,
        admin_of(old) as admin,
        Crowd(to=new.url).on(old, count=count) as crowd,
        Watch(admin) as watch,
    ):
        await admin.post("/drain", params={"within": "30"})
        await crowd.moved(count)

    assert watch.most_in_a_second > MOST
    with pytest.raises(AssertionError):
        assert_took(watch, count / CEILING)


async def test_without_a_receiver_nobody_is_asked_until_one_appears(new_edge: Any) -> None:
    async with (
        new_edge() as old,
        admin_of(old) as admin,
        old.client() as able,
        old.client() as plain,
    ):
        await able.auth("ann", capabilities=["ack"])
        await plain.auth("bob")

        await admin.post("/drain", params={"within": "30"})
        while (await progress(admin))["stage"] != "moving":
            await asyncio.sleep(0.02)
        await able.quiet()
        await plain.quiet()
        alone = await progress(admin)
        async with new_edge(SERVER_ID="edge-2"):
            told = await able.receive("reconnect")
            code = await plain.closed()

    assert (alone["receivers"], alone["rate"], alone["asked"]) == (0, 0.0, 0)
    assert told["reason"] == "drain"
    assert code == 1012


async def test_the_rate_follows_who_receives(new_edge: Any, until_rate: Any) -> None:
    async with (
        new_edge(RESUME_RATE="10") as old,
        new_edge(SERVER_ID="edge-2") as second,
        new_edge(SERVER_ID="edge-3") as third,
        admin_of(old) as admin,
        admin_of(second) as second_admin,
        old.client() as client,
    ):
        await client.auth("ann", capabilities=["ack"])

        await admin.post("/drain", params={"within": "30"})
        await until_rate(admin, 20)
        await second_admin.post("/drain", params={"within": "30"})
        await until_rate(admin, 10)
        third.signal(15)
        await third.wait_exit()
        await until_rate(admin, 0)
        await second_admin.delete("/drain")
        await until_rate(admin, 10)
        await client.receive("reconnect")
        await client.quiet()


async def test_edges_that_drain_at_once_share_what_the_others_take(new_edge: Any) -> None:
    count = 75
    async with (
        new_edge(**PACE) as one,
        new_edge(SERVER_ID="edge-2", **PACE) as two,
        new_edge(SERVER_ID="edge-3", MAX_CONNECTIONS_PER_USER="10000") as new,
        admin_of(one) as admin,
        admin_of(two) as other_admin,
        Crowd(to=new.url).on(one, count=count) as crowd,
        Crowd(to=new.url, seed=8).on(two, count=count, name="other") as others,
        Watch(admin) as watch,
        Watch(other_admin) as other_watch,
    ):
        await asyncio.gather(
            *(each.post("/drain", params={"within": "30"}) for each in (admin, other_admin))
        )
        await crowd.moved(count)
        await others.moved(count)

    assert max(watch.most_in_a_second, other_watch.most_in_a_second) <= MOST / 2 + 1
    for each in (watch, other_watch):
        assert_took(each, 2 * count / CEILING, times=2)


async def test_the_ceiling_holds_where_the_deadline_comes_first(new_edge: Any) -> None:
    async with (
        new_edge(RESUME_RATE="20") as old,
        new_edge(SERVER_ID="edge-2", MAX_CONNECTIONS_PER_USER="10000") as new,
        admin_of(old) as admin,
        Crowd(to=new.url).on(old, count=45) as crowd,
    ):
        await admin.post("/drain", params={"within": "1"})
        await asyncio.gather(*(client.socket.wait_closed() for client in crowd.clients))
        codes = [client.socket.close_code for client in crowd.clients]

    assert 15 <= codes.count(1000) <= 22
    assert codes.count(1000) + codes.count(1012) == 45


async def test_plain_clients_go_at_the_same_rate(new_edge: Any) -> None:
    async with AsyncExitStack() as stack:
        old = await stack.enter_async_context(new_edge(**PACE))
        await stack.enter_async_context(new_edge(SERVER_ID="edge-2"))
        admin = await stack.enter_async_context(admin_of(old))
        clients = [await stack.enter_async_context(old.client()) for _ in range(120)]
        for number, client in enumerate(clients):
            await client.auth(f"user-{number}")
        watch = await stack.enter_async_context(Watch(admin))

        await admin.post("/drain", params={"within": "30"})
        codes = await asyncio.gather(*(client.closed() for client in clients))

    assert set(codes) == {1012}
    assert watch.most_in_a_second <= MOST


async def test_those_whom_one_answer_sets_free_go_one_after_another(
    new_edge: Any, agent: Any
) -> None:
    ends: list[float] = []

    async def until_closed(client: WireClient) -> None:
        await client.closed()
        ends.append(time.monotonic())

    async with AsyncExitStack() as stack:
        old = await stack.enter_async_context(new_edge(RESUME_RATE="20"))
        await stack.enter_async_context(new_edge(SERVER_ID="edge-2"))
        admin = await stack.enter_async_context(admin_of(old))
        clients = [await stack.enter_async_context(old.client()) for _ in range(10)]
        for number, client in enumerate(clients):
            session = (await client.auth("ann", f"device-{number}"))["session_id"]
        await clients[0].text("hello")
        await agent.take(session)

        await admin.post("/drain", params={"within": "30"})
        while (await progress(admin))["asked"] < 10:
            await asyncio.sleep(0.02)
        await agent.commit("hi")
        await asyncio.gather(*(until_closed(client) for client in clients))

    assert {client.socket.close_code for client in clients} == {1012}
    assert max(ends) - min(ends) >= 0.8 * 8 / 20


async def test_a_rebalance_moves_its_share_and_no_more(new_edge: Any) -> None:
    count = 60
    async with (
        new_edge(**PACE) as old,
        new_edge(SERVER_ID="edge-2", MAX_CONNECTIONS_PER_USER="10000") as new,
        admin_of(old) as admin,
        Crowd(to=new.url).on(old, count=count) as crowd,
        Watch(admin, path="/rebalance") as watch,
    ):
        begun = await admin.post("/rebalance", params={"share": "0.5"})
        again = await admin.post("/rebalance", params={"share": "0.5"})
        await crowd.moved(count // 2)
        while (last := await progress(admin, "/rebalance"))["is_running"]:
            await asyncio.sleep(0.02)
        ready = await admin.get("/readyz")

    assert (begun.status_code, again.status_code) == (202, 409)
    assert crowd.reasons == {"rebalance"}
    assert watch.most_in_a_second <= MOST
    assert (last["chosen"], last["asked"], last["moved"]) == (30, 30, 30)
    assert last["connections"] == 30
    assert ready.status_code == 200


async def test_who_comes_back_in_a_round_is_not_asked_again(new_edge: Any) -> None:
    async with (
        new_edge(RESUME_RATE="20", MAX_CONNECTIONS_PER_USER="10000") as old,
        new_edge(SERVER_ID="edge-2"),
        admin_of(old) as admin,
        Crowd(to=old.url).on(old, count=10) as crowd,
    ):
        await admin.post("/rebalance", params={"share": "1"})
        await crowd.moved(10)
        while (last := await progress(admin, "/rebalance"))["is_running"]:
            await asyncio.sleep(0.02)

    assert (last["asked"], last["moved"], last["connections"]) == (10, 10, 10)


async def test_a_rebalance_without_another_edge_or_in_a_drain_is_refused(new_edge: Any) -> None:
    async with new_edge() as one, admin_of(one) as admin:
        alone = await admin.post("/rebalance", params={"share": "0.5"})
        async with new_edge(SERVER_ID="edge-2"):
            await admin.post("/drain", params={"within": "30"})
            draining = await admin.post("/rebalance", params={"share": "0.5"})

    assert (alone.status_code, draining.status_code) == (409, 409)
    assert "No other edge" in alone.json()["error"]
    assert "drains" in draining.json()["error"]


@pytest.mark.parametrize("share", ["", "much", "-0.1", "1.1", "nan"])
async def test_a_share_of_nonsense_is_refused(share: str, shared_edge: Any) -> None:
    async with admin_of(shared_edge) as admin:
        reply = await admin.post("/rebalance", params={"share": share})

    assert reply.status_code == 422


async def test_moving_connections_needs_the_service_token(new_edge: Any) -> None:
    async with new_edge(SERVICE_TOKEN="secret") as edge, admin_of(edge) as admin:
        replies = [await admin.post(path) for path in ("/rebalance?share=1", "/drain")]
        taken_back = await admin.delete("/drain")
        told = await progress(admin)

    assert {reply.status_code for reply in (*replies, taken_back)} == {403}
    assert told["stage"] == "serving"


async def test_a_drain_takes_the_place_of_a_rebalance(new_edge: Any) -> None:
    async with (
        new_edge(RESUME_RATE="20") as old,
        new_edge(SERVER_ID="edge-2", MAX_CONNECTIONS_PER_USER="10000") as new,
        admin_of(old) as admin,
        Crowd(to=new.url).on(old, count=30) as crowd,
    ):
        await admin.post("/rebalance", params={"share": "1"})
        await crowd.moved(5)
        await admin.post("/drain", params={"within": "30"})
        await crowd.moved(30)
        round_ = await progress(admin, "/rebalance")

    assert crowd.reasons == {"rebalance", "drain"}
    assert not round_["is_running"]
    assert round_["asked"] < 30
