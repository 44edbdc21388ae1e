"""Make before break: a device that moves from edge to edge without a moment between."""

from __future__ import annotations

import asyncio
import secrets
from bisect import bisect_left
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

import parley
from parley.bench.absence import longest_absence
from parley.bench.checker import check
from parley.connection import Way, open_connection
from parley.handover import Attached, Handover
from parley_core.domain import server_frames as wire
from parley_core.domain.client_frames import Auth
from parley_testing.devices import Device, arrivals, connected, server_of, servers_of
from parley_testing.proxy import TcpProxy

RATE = 4
SETTINGS = {"RESUME_RATE": str(RATE)}


@dataclass(frozen=True, slots=True)
class Moving:
    """A drain of the edge that a device is on, taken back at the end."""

    admin: httpx.AsyncClient

    async def begin(self, *, within: float = 30.0) -> None:
        await self.admin.post("/drain", params={"within": str(within)})


@asynccontextmanager
async def drain_of(stack: Any, device: Device) -> AsyncIterator[Moving]:
    edge = stack.edges[int(server_of(device).removeprefix("process-"))]
    async with httpx.AsyncClient(base_url=edge.admin_url) as admin:
        try:
            yield Moving(admin)
        finally:
            await admin.delete("/drain")


async def until_asked(device: Device) -> None:
    async with asyncio.timeout(5):
        while not any('"reconnect"' in entry.data for entry in device.recorder.record().entries):
            await asyncio.sleep(0.005)


async def until_moved(device: Device) -> None:
    async with asyncio.timeout(15):
        while len(set(servers_of(device))) < 2:
            await asyncio.sleep(0.02)


def most_in_a_second(moments: list[float]) -> int:
    moments = sorted(moments)
    return max(bisect_left(moments, at + 1.0) - first for first, at in enumerate(moments))


@pytest.mark.parametrize("ticks", range(8))
async def test_who_waits_for_a_successor_can_be_cancelled_at_any_moment(
    stack: Any, user: str, ticks: int
) -> None:
    auth = Auth(user_id=user, device_id="one")

    async def dial() -> Attached:
        return Attached(await open_connection(stack.url, auth=auth, number=1), auth)

    async def take_over(_attached: Attached) -> bool:
        return True

    handover = Handover(dial, take_over=take_over, delay=60.0, roll=lambda: 0.5)
    waiting = asyncio.create_task(handover.successor())
    for _ in range(ticks):
        await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait({waiting}, timeout=5)
    await handover.aclose()

    assert waiting.cancelled()


async def test_devices_that_talk_move_without_loss_doubles_or_a_moment_without_connection(
    stack: Any,
) -> None:
    async def talk(device: Device, until: asyncio.Event) -> int:
        said = 0
        while not until.is_set() or not said:
            await device.session.send(f"say {said}")
            said += 1
            await device.until_seq(2 * said)
        return said

    moved = asyncio.Event()
    async with AsyncExitStack() as opened:
        devices = [
            await opened.enter_async_context(
                connected(stack.url, user=f"user-{secrets.token_hex(4)}")
            )
            for _ in range(16)
        ]
        first = devices[0]
        mates = [device for device in devices if server_of(device) == server_of(first)]
        drain = await opened.enter_async_context(drain_of(stack, first))
        talking = [asyncio.create_task(talk(device, moved)) for device in mates]
        await drain.begin()
        await asyncio.gather(*(until_moved(device) for device in mates))
        moved.set()
        said = await asyncio.gather(*talking)
        for device, count in zip(mates, said, strict=True):
            await device.until_seq(2 * count)
    records = [device.recorder.record() for device in mates]

    for device, count in zip(mates, said, strict=True):
        assert [seq for seq, _ in device.log] == list(range(1, 2 * count + 1))
        states = [status.state for status in device.statuses]
        assert states == [parley.State.CONNECTING, parley.State.LIVE, parley.State.LIVE]
        assert len([event for event in device.events if isinstance(event, parley.Snapshot)]) == 1
    assert check(records) == []
    assert most_in_a_second([arrivals(device)[1] for device in mates]) <= RATE * 1.1 + 1
    assert max(longest_absence(record) for record in records) == 0


async def test_a_text_without_an_ack_is_said_again_on_the_new_connection_and_is_one(
    stack: Any, user: str
) -> None:
    async with (
        TcpProxy(stack.port) as proxy,
        # The latest moment of those that the server gives.
        connected(f"ws://127.0.0.1:{proxy.port}", user=user, roll=lambda: 0.999) as device,
        drain_of(stack, device) as drain,
    ):
        await drain.begin()
        await until_asked(device)
        proxy.swallow_replies(match=lambda chunk: b'"ack"' in chunk)
        ack = await device.session.send("hello", message_id="mine")
        await device.until_seq(2)
        frames, _ = await device.session.history()

    said = [entry for entry in device.recorder.record().entries if entry.way is Way.SENT]
    assert len({entry.connection for entry in said if '"mine"' in entry.data}) == 2
    assert ack.seq == 1
    texts = [frame.message_id for frame in frames if isinstance(frame, wire.Text)]
    assert (texts.count("mine"), len(texts)) == (1, 2)
    assert longest_absence(device.recorder.record()) == 0
    assert check([device.recorder.record()]) == []


async def test_while_the_new_connection_fails_the_old_one_serves(stack: Any, user: str) -> None:
    async with (
        TcpProxy(stack.port) as proxy,
        connected(f"ws://127.0.0.1:{proxy.port}", user=user) as device,
        drain_of(stack, device) as drain,
    ):
        proxy.refuse()
        await drain.begin()
        await until_asked(device)
        await device.session.send("hello")
        await device.until_seq(2)
        before = servers_of(device)
        proxy.heal()
        await until_moved(device)
        await device.session.send("again")
        await device.until_seq(4)

    assert len(before) == 1
    assert [seq for seq, _ in device.log] == [1, 2, 3, 4]
    assert longest_absence(device.recorder.record()) == 0
    assert check([device.recorder.record()]) == []


async def test_a_device_that_changes_its_session_meanwhile_goes_on_in_the_new_one(
    stack: Any, user: str
) -> None:
    async with (
        TcpProxy(stack.port) as proxy,
        connected(f"ws://127.0.0.1:{proxy.port}", user=user) as device,
        drain_of(stack, device) as drain,
    ):
        first = device.session.session_id
        second = await device.session.new_session()
        await device.session.switch_session(first)
        proxy.delay(0.15)
        await drain.begin()
        async with asyncio.timeout(5):
            while len(proxy.connections) < 2:
                await asyncio.sleep(0.01)
        await device.session.switch_session(second)
        proxy.heal()
        await until_moved(device)
        await device.session.send("hello")
        await device.until_seq(2)

    snapshots = [event for event in device.events if isinstance(event, parley.Snapshot)]
    assert [snapshot.session_id for snapshot in snapshots] == [first, second, first, second]
    assert not any(snapshot.gap for snapshot in snapshots)
    texts = [event for event in device.events if isinstance(event, wire.Text)]
    assert {text.session_id for text in texts} == {second}
    assert longest_absence(device.recorder.record()) == 0


async def test_a_device_that_cannot_move_in_time_comes_back_at_once_after_1012(
    stack: Any, user: str
) -> None:
    async with (
        TcpProxy(stack.port) as proxy,
        connected(f"ws://127.0.0.1:{proxy.port}", user=user) as device,
        drain_of(stack, device) as drain,
    ):
        proxy.refuse()
        await drain.begin(within=1)
        async with asyncio.timeout(5):
            while (await drain.admin.get("/drain")).json()["stage"] not in {"closing", "drained"}:
                await asyncio.sleep(0.02)
        proxy.heal()
        await device.session.send("hello")
        await device.until_seq(2)

    assert len(set(servers_of(device))) == 2
    assert [seq for seq, _ in device.log] == [1, 2]
    assert check([device.recorder.record()]) == []
