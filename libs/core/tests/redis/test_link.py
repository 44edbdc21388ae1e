"""One connection to a real server, through a proxy that breaks it."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from hashlib import sha1
from types import SimpleNamespace

import pytest

from parley_core.domain.errors import PermanentError, Unavailable
from parley_core.redis.call import Call, new_call, new_script_call
from parley_core.redis.link import Limits, Link, Way
from parley_core.redis.refusals import ErrorReply, judged
from parley_core.redis.wire import Address, Argument, pack, parse_url
from parley_testing.proxy import Pipe
from parley_testing.redis_proxy import RedisProxy

LIMITS = Limits(answer=0.4, connect=0.4, in_flight=2_000)


class Proxy(RedisProxy):
    """Also counts what passes."""

    writes = 0
    accepts = 0

    def request(self, pipe: Pipe, chunk: bytes) -> None:
        self.writes += 1
        super().request(pipe, chunk)

    def accepted(self, pipe: Pipe) -> None:
        self.accepts += 1
        super().accepted(pipe)


@pytest.fixture
async def proxy(redis_url: str) -> AsyncIterator[Proxy]:
    address, _ = parse_url(redis_url, name="test")
    async with Proxy(address.port, host=address.host) as proxy:
        yield proxy


@pytest.fixture
async def link(proxy: Proxy) -> AsyncIterator[Link]:
    link = _link(Address("127.0.0.1", proxy.port))
    yield link
    await link.aclose()


def _link(address: Address, *, name: str = "test") -> Link:
    def refused(link: Link, call: Call, reply: ErrorReply) -> None:
        call.fail(judged(reply, node=link.address))

    _, access = parse_url("redis://ignored", name=name)
    return Link(address, Way(access, limits=LIMITS), refused=refused)


def _send(link: Link, *args: Argument) -> Call:
    call = new_call(asyncio.get_running_loop(), pack(*args))
    link.send(call)
    return call


async def _outcomes(calls: list[Call]) -> list[object]:
    return await asyncio.gather(*calls, return_exceptions=True)


async def test_calls_of_one_tick_leave_in_one_write(link: Link, proxy: Proxy) -> None:
    await link.open()
    before = proxy.writes

    replies = await asyncio.gather(*(_send(link, "ECHO", n) for n in range(200)))

    assert replies == [b"%d" % n for n in range(200)]
    assert proxy.writes - before == 1


async def test_every_caller_gets_its_own_reply_with_many_batches_in_flight(
    link: Link, proxy: Proxy
) -> None:
    proxy.delay(0.02)
    rng = random.Random(7)
    calls = []

    for n in range(1_500):
        calls.append(_send(link, "ECHO", n))
        if rng.random() < 0.05:
            await asyncio.sleep(0)

    assert await asyncio.gather(*calls) == [b"%d" % n for n in range(1_500)]


async def test_callers_that_go_do_not_disturb_the_others(link: Link, proxy: Proxy) -> None:
    await link.open()
    proxy.delay(0.05)
    calls = [_send(link, "ECHO", n) for n in range(300)]
    await asyncio.sleep(0.01)

    for call in calls[::3]:
        call.cancel()
    calls += [_send(link, "ECHO", n) for n in range(300, 400)]
    kept = [call for call in calls if not call.cancelled()]

    assert await asyncio.gather(*kept) == [b"%d" % n for n in range(400) if n >= 300 or n % 3 != 0]


async def test_a_caller_that_goes_before_the_write_takes_its_call_along(
    link: Link, prefix: str
) -> None:
    await link.open()

    gone = _send(link, "INCR", prefix)
    gone.cancel()

    assert await _send(link, "GET", prefix) is None


async def test_calls_keep_their_order_over_a_connect(link: Link, prefix: str) -> None:
    calls = []
    for n in range(50):
        calls.append(_send(link, "RPUSH", prefix, n))
        await asyncio.sleep(0)

    await asyncio.gather(*calls)

    assert await _send(link, "LRANGE", prefix, 0, -1) == [b"%d" % n for n in range(50)]


async def test_a_cut_in_the_middle_fails_what_was_written_and_the_next_call_connects(
    link: Link, proxy: Proxy
) -> None:
    await link.open()
    proxy.delay(0.05)
    calls = [_send(link, "ECHO", n) for n in range(100)]
    await asyncio.sleep(0.01)

    proxy.drop_connections()
    outcomes = await _outcomes(calls)
    proxy.heal()

    assert {type(outcome) for outcome in outcomes} == {Unavailable}
    assert await _send(link, "ECHO", "back") == b"back"


async def test_nothing_is_sent_twice_whatever_is_cut(link: Link, proxy: Proxy, prefix: str) -> None:
    rng = random.Random(11)
    proxy.cut_before_reply(lambda _command: rng.random() < 0.02, times=1_000_000)
    answered = []

    async def push(n: int) -> None:
        try:
            await _send(link, "RPUSH", prefix, n)
        except Unavailable as error:
            await asyncio.sleep(error.delay)
        else:
            answered.append(b"%d" % n)

    for n in range(0, 600, 3):
        await asyncio.gather(*(push(n + more) for more in range(3)))
    proxy.cut_before_reply(times=0)
    await asyncio.sleep(LIMITS.longest_pause)
    executed = await _send(link, "LRANGE", prefix, 0, -1)

    assert proxy.cut_replies["RPUSH"] > 5
    assert len(executed) == len(set(executed)) == len(answered) + proxy.cut_replies["RPUSH"]
    assert set(executed) >= set(answered)


async def test_a_silent_connection_is_given_up_and_its_late_replies_reach_nobody(
    link: Link, proxy: Proxy
) -> None:
    await link.open()
    proxy.stall()
    began = time.monotonic()

    outcomes = await _outcomes([_send(link, "ECHO", n) for n in range(10)])
    took = time.monotonic() - began
    proxy.heal()

    assert {type(outcome) for outcome in outcomes} == {Unavailable}
    assert LIMITS.answer <= took < 2 * LIMITS.answer
    assert await _send(link, "ECHO", "fresh") == b"fresh"


async def test_a_swallowed_reply_is_unavailable_and_later_calls_are_fine(
    link: Link, proxy: Proxy
) -> None:
    await link.open()
    proxy.swallow_replies()

    with pytest.raises(Unavailable):
        await _send(link, "ECHO", "lost")

    assert await _send(link, "ECHO", "later") == b"later"


async def test_a_steady_stream_of_calls_does_not_hide_one_that_is_not_answered(
    link: Link, proxy: Proxy
) -> None:
    await link.open()
    proxy.stall()

    first = _send(link, "ECHO", "first")
    async with asyncio.timeout(2):
        while not first.done():
            _send(link, "ECHO", "more").add_done_callback(lambda call: call.exception())
            await asyncio.sleep(0.02)

    assert isinstance(first.exception(), Unavailable)


async def test_a_steady_stream_of_calls_that_are_answered_is_not_taken_for_silence(
    link: Link, proxy: Proxy
) -> None:
    await link.open()
    proxy.delay(0.1)
    calls = []

    for _ in range(50):
        calls.append(_send(link, "PING"))
        await asyncio.sleep(0.02)

    assert await asyncio.gather(*calls) == [b"PONG"] * 50


async def test_a_blocked_event_loop_is_not_taken_for_a_silent_server(link: Link) -> None:
    await link.open()
    call = _send(link, "ECHO", "patient")
    await asyncio.sleep(0)

    time.sleep(3 * LIMITS.answer)  # noqa: ASYNC251 - a graph's node that blocks

    assert await call == b"patient"


async def test_more_calls_than_the_limit_fail_at_once_and_the_others_do_not(link: Link) -> None:
    calls = [_send(link, "ECHO", n) for n in range(LIMITS.in_flight + 5)]

    assert [call.done() for call in calls[-6:]] == [False, True, True, True, True, True]
    assert isinstance(calls[-1].exception(), Unavailable)
    for call in calls[-5:]:
        call.exception()
    assert len(await asyncio.gather(*calls[:-5])) == LIMITS.in_flight


async def test_calls_that_come_together_share_one_connect(link: Link, proxy: Proxy) -> None:
    proxy.delay(0.02)

    async def call_a_few() -> None:
        for _ in range(3):
            await _send(link, "PING")

    await asyncio.gather(*(call_a_few() for _ in range(50)), link.open())

    assert proxy.accepts == 1


async def test_a_dead_server_costs_little(link: Link, proxy: Proxy) -> None:
    proxy.cut()
    failed = 0

    began = time.monotonic()
    while time.monotonic() - began < 0.5:
        with suppress(Unavailable):
            await _send(link, "PING")
        failed += 1
        await asyncio.sleep(0)

    assert failed > 100
    assert proxy.accepts <= 5
    assert link.is_down


async def test_the_error_says_when_the_next_try_makes_sense(link: Link, proxy: Proxy) -> None:
    proxy.cut()
    with pytest.raises(Unavailable):
        await _send(link, "PING")
    with pytest.raises(Unavailable) as caught:
        await _send(link, "PING")
    proxy.heal()

    await asyncio.sleep(caught.value.delay)

    assert caught.value.delay > 0
    assert await _send(link, "PING") == b"PONG"
    assert not link.is_down


async def test_connecting_takes_no_longer_than_its_limit(link: Link, proxy: Proxy) -> None:
    proxy.stall()
    began = time.monotonic()

    with pytest.raises(Unavailable):
        await link.open()

    assert time.monotonic() - began < 2 * LIMITS.connect


async def test_a_closed_link_fails_what_waits_and_what_comes(link: Link, proxy: Proxy) -> None:
    await link.open()
    proxy.stall()
    waiting = _send(link, "PING")
    await asyncio.sleep(0)

    await link.aclose()
    proxy.heal()
    late = _send(link, "PING")

    for call in (waiting, late):
        with pytest.raises(Unavailable, match="left by us"):
            await call


async def test_closing_while_it_connects_fails_what_waits(link: Link, proxy: Proxy) -> None:
    proxy.stall()
    waiting = _send(link, "PING")
    await asyncio.sleep(0.05)

    await link.aclose()

    with pytest.raises(Unavailable):
        await waiting


async def test_a_script_that_the_server_forgot_is_sent_whole_and_in_order(
    link: Link, prefix: str
) -> None:
    source = f"return redis.call('RPUSH', KEYS[1], ARGV[1]) -- {prefix}"
    script = SimpleNamespace(
        source=source, sha=sha1(source.encode(), usedforsecurity=False).hexdigest()
    )
    loop = asyncio.get_running_loop()

    calls = [new_script_call(loop, script, (1, prefix, n), key=prefix) for n in range(20)]
    link.send(*calls)

    assert await asyncio.gather(*calls) == list(range(1, 21))
    assert await _send(link, "LRANGE", prefix, 0, -1) == [b"%d" % n for n in range(20)]


async def test_an_argument_that_is_no_unicode_is_refused_before_anything_is_sent(
    link: Link,
) -> None:
    with pytest.raises(ValueError, match="surrogates"):
        _send(link, "ECHO", "\ud800")

    assert await _send(link, "ECHO", "next") == b"next"


Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def _answer_nonsense(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(100)
    writer.write(b"+OK\r\n")
    await reader.read(100)
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    await reader.read()
    writer.close()


async def test_a_peer_that_does_not_speak_the_protocol_is_left() -> None:
    server = await asyncio.start_server(_answer_nonsense, "127.0.0.1", 0)
    async with server:
        link = _link(Address("127.0.0.1", server.sockets[0].getsockname()[1]))

        with pytest.raises(Unavailable, match="not the protocol"):
            await _send(link, "PING")

        await link.aclose()


async def test_a_wrong_password_is_permanent_at_the_start_and_passes_later(
    redis_url: str,
) -> None:
    address, _ = parse_url(redis_url, name="test")
    _, access = parse_url("redis://user:wrong@ignored", name="test")
    link = Link(address, Way(access, limits=LIMITS), refused=lambda *_: None)

    with pytest.raises(PermanentError) as caught:
        await link.open()
    with pytest.raises(Unavailable):
        await _send(link, "PING")

    assert "WRONGPASS" in str(caught.value)
    await link.aclose()
