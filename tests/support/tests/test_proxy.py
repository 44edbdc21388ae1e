"""The proxy does to a connection what it says, seen from plain sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

import pytest

from parley_testing.proxy import TcpProxy


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


@pytest.fixture
async def proxy() -> AsyncIterator[TcpProxy]:
    server = await asyncio.start_server(_echo, "127.0.0.1", 0)
    async with server, TcpProxy(server.sockets[0].getsockname()[1]) as proxy:
        yield proxy


class Client:
    """A connection through the proxy."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def say(self, text: bytes) -> bytes:
        """The echo; empty when the connection ended."""
        self.writer.write(text)
        try:
            return await asyncio.wait_for(self.reader.readexactly(len(text)), 1)
        except (asyncio.IncompleteReadError, ConnectionError):
            return b""


Connect = Callable[[], Awaitable[Client]]


@pytest.fixture
async def connect(proxy: TcpProxy) -> AsyncIterator[Connect]:
    clients: list[Client] = []

    async def connect() -> Client:
        clients.append(Client(*await asyncio.open_connection("127.0.0.1", proxy.port)))
        return clients[-1]

    yield connect
    for client in clients:
        client.writer.transport.abort()
        with suppress(ConnectionError):
            await client.writer.wait_closed()


async def test_bytes_pass_both_ways_in_order_however_many(
    proxy: TcpProxy, connect: Connect
) -> None:
    client = await connect()
    sent = bytes(range(256)) * 40_000

    client.writer.write(sent)
    got = await asyncio.wait_for(client.reader.readexactly(len(sent)), 10)

    assert got == sent


async def test_a_client_that_ends_first_still_gets_what_was_under_way(
    proxy: TcpProxy, connect: Connect
) -> None:
    client = await connect()

    client.writer.write(b"last words")
    client.writer.write_eof()
    got = await asyncio.wait_for(client.reader.read(), 1)

    assert got == b"last words"
    assert not proxy.connections


async def test_a_cut_ends_connections_and_every_new_one_until_healed(
    proxy: TcpProxy, connect: Connect
) -> None:
    before = await connect()
    await before.say(b"hello")

    proxy.cut()
    during = await connect()
    heard = [await before.say(b"you"), await during.say(b"there")]
    proxy.heal()
    after = await connect()

    assert heard == [b"", b""]
    assert await after.say(b"again") == b"again"


async def test_dropped_connections_end_and_new_ones_work(proxy: TcpProxy, connect: Connect) -> None:
    before = await connect()
    await before.say(b"hello")

    proxy.drop_connections()
    after = await connect()

    assert await before.say(b"there") == b""
    assert await after.say(b"again") == b"again"


async def test_a_stall_is_silent_for_old_and_new_connections_and_delivers_late(
    proxy: TcpProxy, connect: Connect
) -> None:
    old = await connect()
    await old.say(b"hello")

    proxy.stall()
    new = await connect()
    for client in (old, new):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.say(b"late"), 0.1)
    proxy.heal()

    for client in (old, new):
        assert await asyncio.wait_for(client.reader.readexactly(4), 1) == b"late"


async def test_a_delay_holds_each_chunk_back_and_keeps_the_order(
    proxy: TcpProxy, connect: Connect
) -> None:
    client = await connect()
    await client.say(b"hello")
    began = asyncio.get_running_loop().time()

    proxy.delay(0.1)
    client.writer.write(b"slow ")
    await asyncio.sleep(0.02)
    proxy.heal()
    client.writer.write(b"order")
    got = await asyncio.wait_for(client.reader.readexactly(10), 1)

    assert got == b"slow order"
    assert asyncio.get_running_loop().time() - began >= 0.1


async def test_a_swallowed_reply_silences_its_connection_and_no_other(
    proxy: TcpProxy, connect: Connect
) -> None:
    deaf, other = await connect(), await connect()
    await deaf.say(b"hello")
    await other.say(b"hello")

    proxy.swallow_replies(match=lambda chunk: b"secret" in chunk)
    with pytest.raises(TimeoutError):
        await deaf.say(b"secret")

    with pytest.raises(TimeoutError):
        await deaf.say(b"harmless")
    assert await other.say(b"secret") == b"secret"


async def test_a_slow_reader_slows_the_sender_down(connect: Connect) -> None:
    client = await connect()
    sent = 0

    # The proxy may hold a little; without back pressure it would take everything.
    async with asyncio.timeout(20):
        while sent < 200_000_000:
            client.writer.write(bytes(1_000_000))
            sent += 1_000_000
            try:
                await asyncio.wait_for(client.writer.drain(), 0.5)
            except TimeoutError:
                break

    assert sent < 100_000_000


async def test_no_server_behind_it_ends_the_connection() -> None:
    async with TcpProxy(1) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)

        assert await asyncio.wait_for(reader.read(), 1) == b""
        writer.close()
