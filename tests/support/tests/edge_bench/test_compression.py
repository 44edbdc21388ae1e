"""Deflated frames as the load generator reads them, and what is reckoned of them."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.server import ServerConnection, serve
from websockets.extensions.permessage_deflate import (
    PerMessageDeflate,
    ServerPerMessageDeflateFactory,
)
from websockets.frames import Frame, Opcode

from parley_testing.edge_bench.balance import Reader, balance
from parley_testing.edge_bench.compression import OFF, ON, RATIO, add_ratios
from parley_testing.edge_bench.figures import Report
from parley_testing.edge_bench.frames import (
    PING,
    TEXT,
    FrameParser,
    ProtocolViolation,
    agrees_to_deflate,
    inflated,
    plain,
)
from parley_testing.edge_bench.latencies import Latencies, content
from parley_testing.edge_bench.prose import prose
from parley_testing.edge_bench.sockets import Refused, Socket, connect


def deflated(payload: bytes, *, extension: PerMessageDeflate | None = None) -> bytes:
    """As another library writes it."""
    extension = extension or PerMessageDeflate(True, True, 12, 15)  # noqa: FBT003  # theirs
    return Frame(Opcode.TEXT, payload).serialize(mask=False, extensions=[extension])


def read(data: bytes, *, inflates: bool = True) -> list[tuple[int, bytes]]:
    found: list[tuple[int, bytes]] = []
    parser = FrameParser(
        lambda opcode, data, start, end: found.append((opcode, data[start:end])), inflates=inflates
    )
    for at in range(0, len(data), 1000):
        parser.feed(data[at : at + 1000])
    return found


BODIES = st.one_of(
    st.binary(max_size=300),
    st.builds(lambda size: prose(Random(size), size=size).encode(), st.integers(0, 40_000)),
)


@given(payloads=st.lists(BODIES, max_size=3))
def test_deflated_frames_are_read_among_others(payloads: list[bytes]) -> None:
    stream = b"".join(deflated(each) + plain(each) + plain(b"p", opcode=PING) for each in payloads)

    found = read(stream)

    assert found == [
        frame for each in payloads for frame in ((TEXT, each), (TEXT, each), (PING, b"p"))
    ]


@pytest.mark.parametrize("first", [0xC9, 0xA1, 0xD1], ids=["a ping", "RSV2", "RSV3"])
def test_only_text_is_deflated(first: int) -> None:
    with pytest.raises(ProtocolViolation):
        read(bytes((first, 1)) + b"x")


def test_a_deflated_frame_that_was_not_agreed_on_is_refused() -> None:
    with pytest.raises(ProtocolViolation):
        read(deflated(b"x" * 100), inflates=False)


def test_a_frame_that_needs_the_one_before_is_refused() -> None:
    taken_over = PerMessageDeflate(True, False, 15, 15)  # noqa: FBT003  # theirs
    text = prose(Random(1), size=300).encode()
    first, second = (deflated(text, extension=taken_over) for _ in range(2))

    assert read(first) == [(TEXT, text)]
    with pytest.raises(ProtocolViolation):
        read(second)


def test_a_frame_that_was_cut_off_or_ended_early_is_refused() -> None:
    payload = deflated(prose(Random(1), size=100).encode())[2:]
    assert len(inflated(payload)) == 100

    ended_early = zlib.compress(b"x" * 100, wbits=-zlib.MAX_WBITS)
    for wrong in (payload[:-1], payload[:40], ended_early):
        with pytest.raises(ProtocolViolation):
            inflated(wrong)


@pytest.mark.parametrize(
    ("line", "agrees"),
    [
        ("permessage-deflate; server_max_window_bits=12; server_no_context_takeover", True),
        ("permessage-deflate;client_max_window_bits;server_no_context_takeover", True),
        ("permessage-deflate; client_no_context_takeover", False),
        ("x-other; server_no_context_takeover", False),
    ],
)
def test_a_server_agrees_if_each_frame_stands_alone(line: str, *, agrees: bool) -> None:
    head = f"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Extensions: {line}\r\nUpgrade: x"

    assert agrees_to_deflate(head.encode()) is agrees
    assert not agrees_to_deflate(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x")


ALONE = ServerPerMessageDeflateFactory(server_no_context_takeover=True)
TOGETHER = ServerPerMessageDeflateFactory()


class Listening(Socket):
    """Keeps the first frame."""

    def __init__(self, *, deflates: bool) -> None:
        super().__init__(deflates=deflates)
        self.first: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self.arrived = 0

    def data_received(self, data: bytes) -> None:
        self.arrived += len(data)
        super().data_received(data)

    def received(self, data: bytes, start: int, end: int) -> None:
        self.first.set_result(data[start:end])


@asynccontextmanager
async def another_server(*extensions: ServerPerMessageDeflateFactory) -> AsyncIterator[int]:
    """Of another library; says one long text. Its port."""

    async def speak(connection: ServerConnection) -> None:
        await connection.send("word " * 2000)
        await connection.wait_closed()

    async with serve(speak, "127.0.0.1", 0, compression=None, extensions=extensions) as server:
        yield next(iter(server.sockets)).getsockname()[1]


async def test_a_client_reads_what_a_server_deflates_after_it_agreed() -> None:
    async with another_server(ALONE) as port, asyncio.timeout(10):
        client = await connect(Listening(deflates=True), port=port)

        assert await client.first == b"word " * 2000
        assert client.arrived < 1000
        client.close()
        await client.closed


@pytest.mark.parametrize("extensions", [(), (TOGETHER,)], ids=["not at all", "with a context"])
async def test_a_server_that_does_not_agree_has_refused(
    extensions: tuple[ServerPerMessageDeflateFactory, ...],
) -> None:
    async with another_server(*extensions) as port, asyncio.timeout(10):
        with pytest.raises(Refused, match="deflate"):
            await connect(Listening(deflates=True), port=port)


async def test_who_does_not_offer_it_is_not_sent_it() -> None:
    async with another_server(ALONE) as port, asyncio.timeout(10):
        client = await connect(Listening(deflates=False), port=port)

        assert await client.first == b"word " * 2000
        assert client.arrived > 10_000
        client.close()
        await client.closed


def test_a_ratio_is_made_of_the_same_figure_under_the_same_load() -> None:
    report = Report("compression", "about")
    report.add(OFF, "bytes/delivery", 400, load="small")
    report.add(ON, "bytes/delivery", 300, load="small")
    report.add(ON, "bytes/delivery", 900, load="large")

    add_ratios(report)

    ratios = [figure for figure in report.figures if figure.server == RATIO]
    assert [(each.load, each.name, each.value) for each in ratios] == [
        ("small", "bytes/delivery", 0.75)
    ]


async def test_a_double_makes_not_up_for_a_loss() -> None:
    readers = [
        Reader(user="user", device=str(number), latencies=Latencies()) for number in range(3)
    ]
    for reader, deliveries in zip(readers, (2, 1, 3), strict=True):
        reader.due = 2
        tell(reader, '{"type":"system","session_id":"0as"}')
        reader.arrived = 0
        for _ in range(deliveries):
            tell(reader, f'{{"type":"text","content":"{content(30)}"}}')

    found = balance(readers)

    frame = len(f'{{"type":"text","content":"{content(30)}"}}') + 2
    assert found == (6, 6, 1, 1, 6 * frame)


def tell(reader: Reader, body: str) -> None:
    if not reader.opened.done():
        reader.opened.set_result("")
    reader.data_received(plain(body.encode()))


@given(size=st.integers(0, 3000), seed=st.integers())
def test_prose_has_its_size_and_comes_again_from_its_seed(size: int, seed: int) -> None:
    text = prose(Random(seed), size=size)

    assert len(text.encode()) == size
    assert text == prose(Random(seed), size=size)


def test_prose_deflates_as_text_does_and_not_as_a_repeated_letter() -> None:
    text = prose(Random(7), size=2000).encode()

    assert 0.35 < len(zlib.compress(text)) / len(text) < 0.6
