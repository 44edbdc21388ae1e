"""Sessions of the SDK whose streams are read all the time, and recorded."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import parley
from parley.bench.reading import Attached, read
from parley.bench.record import Recorder
from parley.connection import Way
from parley.domain.events import decode, place
from parley_core.domain import server_frames as wire

WITHIN = 20.0
"""Seconds for everything that a device waits for."""


class Device:
    """A session whose stream is read all the time."""

    def __init__(self, url: str, *, user: str, name: str, **options: Any) -> None:
        self.recorder = Recorder(user, device_id=name, clock=time.monotonic)
        self.events: list[parley.Event] = []
        self.statuses: list[parley.Status] = []
        self.session = parley.connect(
            url,
            user_id=user,
            device_id=name,
            observer=self.recorder.observer(),
            on_status=self.statuses.append,
            patience=WITHIN,
            **options,
        )
        self._changed = asyncio.Condition()

    @property
    def log(self) -> list[tuple[int | None, str]]:
        """Place and id of each log frame that the stream had."""
        frames = [event for event in self.events if place(event) is not None]
        return [(place(frame), str(getattr(frame, "message_id", ""))) for frame in frames]

    async def read(self) -> None:
        async for event in self.session:
            async with self._changed:
                self.events.append(event)
                self._changed.notify_all()

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait for an event after which `holds`."""
        async with asyncio.timeout(WITHIN), self._changed:
            await self._changed.wait_for(holds)

    async def until_seq(self, seq: int) -> None:
        """Wait until the stream has come to `seq`."""
        await self.until(lambda: bool(self.log) and self.log[-1][0] == seq)


@asynccontextmanager
async def connected(
    url: str, *, user: str, name: str = "one", **options: Any
) -> AsyncIterator[Device]:
    device = Device(url, user=user, name=name, **options)
    async with asyncio.TaskGroup() as group, device.session:
        group.create_task(device.read())
        yield device


def snapshot_of(device: Device) -> parley.Snapshot:
    return next(event for event in device.events if isinstance(event, parley.Snapshot))


def server_of(device: Device) -> str:
    """The edge that greeted the device first."""
    return servers_of(device)[0]


def servers_of(device: Device) -> list[str]:
    """The edges that greeted the device, one after another."""
    received = (
        decode(entry.data.encode())
        for entry in device.recorder.record().entries
        if entry.way is Way.RECEIVED
    )
    return [
        str(frame.server_id)
        for frame in received
        if isinstance(frame, wire.System) and isinstance(frame.server_id, str)
    ]


def arrivals(device: Device) -> list[float]:
    """When each of its connections was attached, by the monotonic clock."""
    steps = read(device.recorder.record()).steps
    return [step.at for step in steps if isinstance(step.what, Attached)]
