from __future__ import annotations

import asyncio

import pytest

from parley.buffer import EventBuffer
from parley.errors import Ended
from parley_core.domain import server_frames as wire

CLOSED_HERE = Ended("closed")
TURNED_AWAY = Ended("forbidden", code=4503)


def event(name: str) -> wire.Heartbeat:
    return wire.Heartbeat(server_time=name)


async def test_what_is_in_the_buffer_can_be_read_after_the_end() -> None:
    buffer = EventBuffer()
    await buffer.put(event("a"))
    buffer.end(CLOSED_HERE)

    assert await buffer.get() == event("a")
    assert await buffer.get() is None
    assert await buffer.get() is None


async def test_a_reader_that_waits_learns_of_the_end() -> None:
    buffer = EventBuffer()
    reading = asyncio.create_task(buffer.get())
    await asyncio.sleep(0)

    buffer.end(CLOSED_HERE)

    assert await asyncio.wait_for(reading, 1) is None


async def test_an_end_that_the_server_made_is_raised_each_time() -> None:
    buffer = EventBuffer()
    buffer.end(TURNED_AWAY)
    buffer.end(CLOSED_HERE)

    for _ in range(2):
        with pytest.raises(Ended, match="forbidden"):
            await buffer.get()


async def test_a_full_buffer_makes_its_writer_wait_and_drops_nothing() -> None:
    buffer = EventBuffer(room=1)
    await buffer.put(event("a"))
    writing = asyncio.create_task(buffer.put(event("b")))
    await asyncio.sleep(0)

    assert not writing.done()
    assert await buffer.get() == event("a")
    await asyncio.wait_for(writing, 1)
    assert await buffer.get() == event("b")
