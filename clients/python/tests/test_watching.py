"""Whose presence a session watches, over connections that come and go."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

import parley
from parley.connection import Way
from parley_core.domain import server_frames as wire
from parley_core.domain.client_frames import Capability
from parley_core.domain.ids import UserId
from parley_core.redis.client import RedisClient
from parley_core.redis.keys import Keys
from parley_testing.devices import Device, connected
from parley_testing.proxy import TcpProxy

TOKEN = "s3cret"
SETTINGS = {"SERVICE_TOKEN": TOKEN}


@asynccontextmanager
async def unsteady(stack: Any, user: str, **options: Any) -> AsyncIterator[tuple[TcpProxy, Device]]:
    """A device, and the network between it and the edges."""
    async with (
        TcpProxy(stack.port) as proxy,
        connected(f"ws://127.0.0.1:{proxy.port}", user=user, **options) as device,
    ):
        yield proxy, device


async def share(stack: Any, session: str, *, user: str) -> None:
    async with httpx.AsyncClient(base_url=stack.url.replace("ws", "http", 1)) as back_end:
        answer = await back_end.post(
            f"/v1/sessions/{session}/members",
            json={"user_id": user, "role": "member"},
            headers={"Authorization": f"Bearer {TOKEN}"},
        )
        answer.raise_for_status()


async def tell(redis: RedisClient, stack: Any, user: str, state: str) -> None:
    """Publish that somebody is there, or not, as the presence service does."""
    channel = Keys(stack.prefix).watch(UserId(user))
    frame = wire.encode(wire.Presence(user_id=user, state=state, devices=[], last_seen=None))
    await redis.command(redis.publish_verb, channel, frame, key=channel)


def asked_for_presence(device: Device) -> int:
    """How often its session sent `get_presence`."""
    entries = device.recorder.record().entries
    return sum(entry.way is Way.SENT and "get_presence" in entry.data for entry in entries)


async def until_seen(device: Device, *states: str) -> None:
    """The stream says of another user, in this order, that it is there and is not."""
    await device.until(
        lambda: (
            tuple(event.state for event in device.events if isinstance(event, wire.Presence))
            == states
        )
    )


async def test_what_a_watch_missed_between_two_connections_is_told_and_it_goes_on(
    stack: Any, user: str
) -> None:
    friend = f"{user}-friend"
    async with unsteady(stack, user) as (proxy, device):
        await share(stack, device.session.session_id, user=friend)
        (entry,) = await device.session.presence([friend])
        async with connected(stack.url, user=friend):
            await until_seen(device, "online")
            proxy.drop_connections()
            await device.session.sessions()
        await until_seen(device, "online", "offline")

    assert entry.state == "offline"


async def test_what_happened_while_there_was_no_connection_is_told_by_the_next(
    stack: Any, user: str
) -> None:
    friend = f"{user}-friend"
    async with unsteady(stack, user) as (proxy, device):
        await share(stack, device.session.session_id, user=friend)
        await device.session.presence([friend])
        proxy.cut()
        async with connected(stack.url, user=friend):
            proxy.heal()
            await until_seen(device, "online")


async def test_whoever_may_not_be_seen_any_more_is_watched_no_more_and_others_are(
    stack: Any, user: str
) -> None:
    friend, other = f"{user}-friend", f"{user}-other"
    async with unsteady(stack, user) as (proxy, device):
        for each in (friend, other):
            await share(stack, device.session.session_id, user=each)
        await device.session.presence([friend, other])
        async with httpx.AsyncClient(base_url=stack.url.replace("ws", "http", 1)) as back_end:
            await back_end.delete(
                f"/v1/sessions/{device.session.session_id}/members/{other}",
                headers={"Authorization": f"Bearer {TOKEN}"},
            )
        proxy.drop_connections()
        await device.session.sessions()
        async with connected(stack.url, user=friend):
            await until_seen(device, "online")


async def test_an_answer_and_the_frame_that_it_was_ahead_of_are_one_change(
    stack: Any, user: str, redis_client: RedisClient
) -> None:
    friend = f"{user}-friend"
    async with unsteady(stack, user) as (proxy, device):
        await share(stack, device.session.session_id, user=friend)
        await device.session.presence([friend])
        async with connected(stack.url, user=friend):
            await until_seen(device, "online")
            await tell(redis_client, stack, friend, "offline")
            await until_seen(device, "online", "offline")
            proxy.drop_connections()
            await until_seen(device, "online", "offline", "online")
            for state in ("online", "online", "offline"):
                await tell(redis_client, stack, friend, state)
            await until_seen(device, "online", "offline", "online", "offline")


async def test_a_device_that_left_is_no_change_before_its_user_is_offline(
    stack: Any, user: str
) -> None:
    friend = f"{user}-friend"
    async with unsteady(stack, user) as (proxy, device):
        await share(stack, device.session.session_id, user=friend)
        await device.session.presence([friend])
        async with connected(stack.url, user=friend):
            await until_seen(device, "online")
        proxy.drop_connections()
        await until_seen(device, "online", "offline")


async def test_whoever_did_not_ask_for_changes_watches_nobody(stack: Any, user: str) -> None:
    wanted = [Capability.DELTAS]
    async with unsteady(stack, user, capabilities=wanted) as (proxy, device):
        await device.session.presence([user])
        proxy.drop_connections()
        for _ in range(2):  # The second is sent after everything that a new connection brings.
            await device.session.sessions()

    assert [status.state for status in device.statuses].count(parley.State.LIVE) == 2
    assert asked_for_presence(device) == 1
