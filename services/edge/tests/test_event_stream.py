"""The socket of a stream: what it holds, when it is awake, and how it ends."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from parley_core.domain.codes import CloseCode
from parley_edge.domain.event_stream import KEEP_ALIVE
from parley_edge.http import event_stream
from parley_edge.http.event_stream import ROOM, SILENCE, EventStream


@dataclass
class Heard:
    """A listener that writes down what it is told."""

    told: list[str] = field(default_factory=list)

    def received(self, data: str | bytes) -> None:
        raise AssertionError(data)

    def choked(self) -> None:
        self.told.append("choked")

    def writable(self) -> None:
        self.told.append("writable")

    def closing(self) -> None:
        self.told.append("closing")

    def lost(self) -> None:
        self.told.append("lost")


@pytest.fixture
async def transport() -> AsyncIterator[asyncio.Transport]:
    near, far = socket.socketpair()
    loop = asyncio.get_running_loop()
    made, _ = await loop.create_connection(asyncio.Protocol, sock=near)
    yield made
    made.abort()
    await asyncio.sleep(0)
    far.close()


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def stream(transport: asyncio.Transport, heard: Heard) -> EventStream:
    made = EventStream(transport, clock=lambda: 100.0, is_poll=False)
    made.listen(heard)
    return made


async def test_a_full_stream_says_so_and_again_when_it_is_not(
    stream: EventStream, heard: Heard
) -> None:
    stream.write(b"x" * (ROOM - 1))
    before = stream.is_writable
    stream.write(b"x")
    full = stream.is_writable

    taken = stream.take()
    stream.taken()

    assert (before, full, stream.is_writable) == (True, False, True)
    assert heard.told == ["choked", "writable"]
    assert len(taken) == ROOM


async def test_after_a_close_nothing_is_written_and_the_rest_goes_out(stream: EventStream) -> None:
    stream.write(b"a")
    stream.close(CloseCode.DRAINED)
    stream.close(CloseCode.LOST)
    stream.write(b"b")
    stream.check(10_000.0)

    await stream.news(within=0)
    rest = stream.take()

    assert rest == b'aevent: close\ndata: {"code":1012,"reason":"drained"}\n\n'
    assert stream.take() == b""
    stream.lose()


async def test_a_stream_that_was_silent_is_kept_awake(stream: EventStream) -> None:
    stream.check(100.0 + SILENCE - 0.1)
    early = stream.take()
    stream.check(100.0 + SILENCE)
    stream.check(100.0 + SILENCE)

    assert (early, stream.take()) == (b"", KEEP_ALIVE)


async def test_a_poll_is_never_woken_by_silence(transport: asyncio.Transport) -> None:
    polled = EventStream(transport, clock=lambda: 0.0, is_poll=True)

    polled.check(10_000.0)

    assert polled.take() == b""


async def test_who_does_not_take_the_end_is_cut(
    stream: EventStream, transport: asyncio.Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_stream, "CLOSE_TIMEOUT", 0.05)

    stream.close(CloseCode.TOO_SLOW)

    async with asyncio.timeout(5):
        while not transport.is_closing():
            await asyncio.sleep(0.01)
    stream.lose()


async def test_what_is_lost_is_told_once_and_cut_no_more(
    stream: EventStream, heard: Heard, transport: asyncio.Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_stream, "CLOSE_TIMEOUT", 0.01)
    stream.close(CloseCode.DRAINED)

    stream.lose()
    stream.lose()
    await asyncio.sleep(0.05)

    assert heard.told == ["lost"]
    assert not transport.is_closing()


async def test_news_is_waited_for(stream: EventStream) -> None:
    waiting = asyncio.create_task(stream.news(within=5))
    await asyncio.sleep(0)
    early = waiting.done()
    stream.write(b"x")
    async with asyncio.timeout(1):
        await waiting

    assert (early, stream.look(), stream.look()) == (False, b"x", b"x")
