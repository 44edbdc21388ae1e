"""Whose presence a session watches, over connections that come and go."""

from __future__ import annotations

from typing import Any

import httpx

from parley_core.domain import server_frames as wire
from parley_testing.devices import Device, connected
from parley_testing.proxy import TcpProxy

TOKEN = "s3cret"
SETTINGS = {"SERVICE_TOKEN": TOKEN}


async def share(stack: Any, session: str, *, user: str) -> None:
    async with httpx.AsyncClient(base_url=stack.url.replace("ws", "http", 1)) as back_end:
        answer = await back_end.post(
            f"/v1/sessions/{session}/members",
            json={"user_id": user, "role": "member"},
            headers={"Authorization": f"Bearer {TOKEN}"},
        )
        answer.raise_for_status()


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
    async with (
        TcpProxy(stack.port) as proxy,
        connected(f"ws://127.0.0.1:{proxy.port}", user=user) as device,
    ):
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
    async with (
        TcpProxy(stack.port) as proxy,
        connected(f"ws://127.0.0.1:{proxy.port}", user=user) as device,
    ):
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
    async with (
        TcpProxy(stack.port) as proxy,
        connected(f"ws://127.0.0.1:{proxy.port}", user=user) as device,
    ):
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
