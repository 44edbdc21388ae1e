from __future__ import annotations

import asyncio

import pytest

from parley_core.domain.ids import ProcessId, UserId
from parley_core.redis.client import RedisClient
from parley_core.redis.keys import Keys
from parley_presence.ports import Hint
from parley_presence.redis.hints import GROUP, RedisHints

ONE, TWO = ProcessId("presence/1"), ProcessId("presence/2")
ANN, BOB = UserId("ann"), UserId("bob")


class Stream:
    """The stream as those who write to it see it, and its clock."""

    def __init__(self, client: RedisClient, keys: Keys) -> None:
        self.client = client
        self.key = keys.presence

    async def command(self, *args: str | int) -> object:
        return await self.client.command(*args, key=self.key)

    async def hint(self, *users: UserId) -> None:
        for user in users:
            await self.command("XADD", self.key, "*", "user", user)

    async def length(self) -> object:
        return await self.command("XLEN", self.key)

    async def lies_for(self, ms: int, hints: tuple[Hint, ...], *, with_reader: ProcessId) -> None:
        """As if the reader had got them so long ago."""
        ids: list[str | int] = [hint.id for hint in hints]
        await self.command("XCLAIM", self.key, GROUP, with_reader, 0, *ids, "IDLE", ms, "JUSTID")

    async def readers(self) -> list[str]:
        rows = await self.command("XINFO", "CONSUMERS", self.key, GROUP)
        assert isinstance(rows, list)
        return sorted(row[row.index(b"name") + 1].decode() for row in rows)


@pytest.fixture
def stream(any_redis_client: RedisClient, keys: Keys) -> Stream:
    return Stream(any_redis_client, keys)


@pytest.fixture
def first(any_redis_client: RedisClient, keys: Keys) -> RedisHints:
    return RedisHints(any_redis_client, keys, reader=ONE)


@pytest.fixture
def second(any_redis_client: RedisClient, keys: Keys) -> RedisHints:
    return RedisHints(any_redis_client, keys, reader=TWO)


def users(hints: tuple[Hint, ...]) -> list[UserId]:
    return [hint.user for hint in hints]


async def test_hints_from_before_the_first_reader_are_read(
    stream: Stream, first: RedisHints
) -> None:
    await stream.hint(ANN, BOB)

    made_the_group = await first.next()
    read = await first.next()

    assert made_the_group == ()
    assert users(read) == [ANN, BOB]


async def test_two_readers_may_be_the_first(
    stream: Stream, first: RedisHints, second: RedisHints
) -> None:
    await asyncio.gather(first.next(), second.next())

    await stream.hint(ANN)
    assert users(await first.next()) == [ANN]


async def test_a_reader_waits_for_a_hint_and_gets_it_at_once(
    stream: Stream, first: RedisHints
) -> None:
    await first.next()
    waiting = asyncio.create_task(first.next())

    await stream.hint(ANN)

    assert users(await waiting) == [ANN]


async def test_a_reader_does_not_wait_for_ever(first: RedisHints) -> None:
    await first.next()

    async with asyncio.timeout(3):
        assert await first.next() == ()


async def test_readers_share_the_hints(
    stream: Stream, first: RedisHints, second: RedisHints
) -> None:
    await first.next()
    await stream.hint(ANN)
    one = await first.next()
    await stream.hint(BOB)
    two = await second.next()

    assert (users(one), users(two)) == ([ANN], [BOB])


async def test_what_is_done_is_gone_from_the_stream(stream: Stream, first: RedisHints) -> None:
    await first.next()
    await stream.hint(ANN, BOB)
    read = await first.next()

    await first.done(read)
    await first.done(read)
    await first.done(())

    assert await stream.length() == 0
    await stream.hint(ANN)
    assert users(await first.next()) == [ANN]


async def test_what_a_reader_got_and_did_not_do_goes_to_another(
    stream: Stream, first: RedisHints, second: RedisHints
) -> None:
    await first.next()
    await stream.hint(ANN, BOB)
    read = await first.next()

    early = await second.abandoned()
    await stream.lies_for(2_500, read, with_reader=ONE)
    late = await second.abandoned()

    assert early == ()
    assert users(late) == [ANN, BOB]


async def test_what_was_done_is_not_handed_out_again(
    stream: Stream, first: RedisHints, second: RedisHints
) -> None:
    await first.next()
    await stream.hint(ANN, BOB)
    read = await first.next()
    await stream.lies_for(2_500, read, with_reader=ONE)

    await first.done(read[:1])

    assert users(await second.abandoned()) == [BOB]


async def test_an_abandoned_hint_that_was_trimmed_away_is_no_hint(
    stream: Stream, first: RedisHints, second: RedisHints
) -> None:
    await first.next()
    await stream.hint(ANN)
    read = await first.next()
    await stream.lies_for(2_500, read, with_reader=ONE)

    await stream.command("XDEL", stream.key, read[0].id)

    assert await second.abandoned() == ()


@pytest.mark.parametrize("asks", ["next", "abandoned", "forget_readers", "retire"])
async def test_a_stream_that_redis_lost_is_made_again(
    asks: str, stream: Stream, first: RedisHints
) -> None:
    await first.next()
    await stream.command("DEL", stream.key)

    await getattr(first, asks)()

    await stream.hint(ANN)
    assert users(await first.next()) == [ANN]


async def one_hint_done(stream: Stream, reader: RedisHints) -> None:
    """A reader is known to Redis from its first hint on."""
    await reader.next()
    await stream.hint(ANN)
    await reader.done(await reader.next())


async def test_a_reader_that_retires_leaves_no_trace(
    stream: Stream, first: RedisHints, second: RedisHints
) -> None:
    await one_hint_done(stream, first)
    await one_hint_done(stream, second)

    await first.retire()
    await first.retire()

    assert await stream.readers() == [TWO]


async def test_a_reader_that_retires_leaves_its_hints_to_another(
    stream: Stream, first: RedisHints, second: RedisHints
) -> None:
    await one_hint_done(stream, second)
    await stream.hint(ANN)
    read = await first.next()

    await first.retire()

    await stream.lies_for(2_500, read, with_reader=ONE)
    assert users(await second.abandoned()) == [ANN]


async def test_readers_without_hints_for_long_are_forgotten(
    stream: Stream, first: RedisHints, any_redis_client: RedisClient, keys: Keys
) -> None:
    await one_hint_done(stream, first)
    patient = RedisHints(any_redis_client, keys, reader=TWO)
    strict = RedisHints(any_redis_client, keys, reader=TWO, dead_after=0.01)
    await asyncio.sleep(0.02)

    forgotten = [await patient.forget_readers(), await strict.forget_readers()]

    assert forgotten == [0, 1]
    assert await stream.readers() == []
    await stream.hint(BOB)
    assert users(await first.next()) == [BOB]


async def test_readers_that_have_hints_are_not_forgotten(
    stream: Stream, first: RedisHints, any_redis_client: RedisClient, keys: Keys
) -> None:
    await first.next()
    await stream.hint(ANN)
    await first.next()
    strict = RedisHints(any_redis_client, keys, reader=TWO, dead_after=0.01)
    await asyncio.sleep(0.02)

    assert await strict.forget_readers() == 0
    assert await stream.readers() == [ONE]
