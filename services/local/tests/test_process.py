"""`make up` as its user sees it: start, deaths, end."""

from __future__ import annotations

import asyncio
import os
import platform
import re
import signal
import socket
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
import redis

from parley_testing.up import Up
from parley_testing.wire import WireClient

NewUp = Callable[..., Up]


def is_running(pid: int) -> bool:
    """Whether there is such a process, and not only what is left of it until somebody asks."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with suppress(OSError):
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    return True


async def test_everything_is_ready_when_it_says_so(up: Up) -> None:
    async with httpx.AsyncClient() as client:
        answers = [
            await client.get(f"http://127.0.0.1:{up.admin_port + number}/readyz")
            for number in range(5)
        ]

    assert [answer.status_code for answer in answers] == [200] * 5
    await up.says(f"connect +ws://localhost:{up.websocket_port}")
    await up.says(f"chat +.venv/bin/parley chat --url ws://localhost:{up.websocket_port}")


async def test_the_workers_share_a_port_for_the_past_of_conversations(up: Up) -> None:
    url = (await up.says(r"history +(http://\S+)/v1"))[1]
    async with httpx.AsyncClient() as client:
        described = await client.get(f"{url}/openapi.json")
        asked = await client.get(
            f"{url}/v1/sessions/00none/history", headers={"X-Parley-User": "a"}
        )

    assert described.json()["info"]["title"] == "Parley conversations"
    assert (asked.status_code, asked.json()["code"]) == (404, "SESSION_NOT_FOUND")


async def test_a_killed_worker_is_replaced_and_what_it_held_is_handed_on(up: Up) -> None:
    seen = len(up.lines)

    os.kill(await up.pid_of("worker-1"), signal.SIGKILL)

    died = await up.says(r"(worker-1/\w+) died with exit code -9", after=seen)
    await up.says(rf"{died[1]} is gone: 0 sessions and 0 connections freed", after=seen)
    await up.says(r"worker-1 +\| .* working", after=seen)
    assert is_running(await up.pid_of("worker-1", after=seen))


async def test_its_redis_is_started_again_on_the_same_port(up: Up) -> None:
    seen = len(up.lines)
    url = (await up.says(r"redis +(redis://\S+)"))[1]

    os.kill(await up.pid_of("redis"), signal.SIGKILL)

    await up.says("redis died with exit code -9", after=seen)
    assert is_running(await up.pid_of("redis", after=seen))
    with redis.Redis.from_url(url) as server:
        assert server.ping()


async def test_two_of_them_never_share_a_folder_of_data(up: Up, new_up: NewUp) -> None:
    other = new_up()
    other.folder = up.folder
    other.start()

    assert await other.ended() == 1
    (line,) = other.lines
    assert "Another Redis (process " in line
    assert "works on .parley/redis-" in line


@pytest.mark.skipif(platform.system() != "Linux", reason="only Linux tells of a parent's death")
async def test_a_supervisor_that_is_killed_takes_everything_with_it(new_up: NewUp) -> None:
    up = new_up()
    up.start()
    await up.is_up()

    up.signal(signal.SIGKILL)
    await up.ended()

    async with asyncio.timeout(20):
        while any(map(is_running, up.started())):
            await asyncio.sleep(0.05)


async def test_an_interrupt_ends_everything_in_order_and_its_data_outlives_it(
    new_up: NewUp, tmp_path: Path
) -> None:
    first, second = new_up(), new_up()
    first.start()
    await first.is_up()
    with redis.Redis.from_url((await first.says(r"redis +(redis://\S+)"))[1]) as server:
        server.set("said", "hello")

    first.signal(signal.SIGINT)
    code = await first.ended()
    second.start()
    await second.is_up()

    assert code == 0
    lines = [line for line in first.lines if "ended with exit code 0" in line]
    ends = [line.split("|")[1].split()[0] for line in lines]
    assert sorted(ends[:2]) == ["edge-1", "edge-2"]
    assert sorted(ends[2:4]) == ["worker-1", "worker-2"]
    assert ends[4:] == ["presence-1"]
    assert not any(map(is_running, first.started()))
    with redis.Redis.from_url((await second.says(r"redis +(redis://\S+)"))[1]) as server:
        assert server.get("said") == b"hello"


@pytest.mark.parametrize("token", ["", "secret"])
async def test_an_interrupt_does_not_wait_for_clients_that_have_nowhere_to_go(
    new_up: NewUp, token: str
) -> None:
    up = new_up(SERVICE_TOKEN=token)
    up.start()
    await up.is_up()
    url = f"ws://127.0.0.1:{up.websocket_port}/ws"

    async with WireClient(url) as plain, WireClient(url) as knowing:
        await plain.auth("ann")
        await knowing.auth("bob", capabilities=["ack"])
        up.signal(signal.SIGINT)
        codes = await asyncio.gather(plain.closed(), knowing.closed())
    code = await asyncio.wait_for(up.ended(), 10)

    assert (set(codes), code) == ({1012}, 0)
    edges = [line for line in up.lines if re.search(r"edge-\d ended with exit code 0", line)]
    assert len(edges) == 2


async def test_a_second_interrupt_ends_everything_at_once(new_up: NewUp) -> None:
    up = new_up()
    up.start()
    await up.is_up()
    for name in ("edge-1", "worker-2"):
        os.kill(await up.pid_of(name), signal.SIGSTOP)

    up.signal(signal.SIGINT)
    await up.says("draining and ending everything")
    up.signal(signal.SIGINT)

    assert await asyncio.wait_for(up.ended(), 10) == 0
    assert not any(map(is_running, up.started()))


async def test_with_a_given_redis_and_no_evict_it_touches_neither_data_nor_leases(
    new_up: NewUp, redis_url: str, prefix: str, tmp_path: Path
) -> None:
    up = new_up(REDIS_URL=redis_url, KEY_PREFIX=prefix, SUPERVISOR_EVICT="off")
    up.start()
    await up.is_up()
    seen = len(up.lines)

    os.kill(await up.pid_of("worker-1"), signal.SIGKILL)
    await up.says(r"worker-1 +\| .* working", after=seen)
    up.signal(signal.SIGTERM)

    assert await up.ended() == 0
    assert not any("freed" in line for line in up.lines)
    assert not (tmp_path / ".parley").exists()


async def test_a_service_that_cannot_start_ends_the_start(new_up: NewUp) -> None:
    up = new_up(PARLEY_GRAPH="nowhere.at:all")
    up.start()

    assert await up.ended() == 1
    await up.says("worker-. ended with exit code 1 at its start")
    assert not any(map(is_running, up.started()))


async def test_a_terminal_that_is_closed_ends_everything_in_order(new_up: NewUp) -> None:
    terminal, end = os.openpty()
    up = new_up()
    up.start(output=end)
    os.close(end)
    written = b""
    while b"Parley is up" not in written:
        written += await asyncio.to_thread(os.read, terminal, 65_536)

    os.close(terminal)
    up.signal(signal.SIGHUP)

    assert await up.ended() == 0
    started = [int(pid) for pid in re.findall(rb"started as process (\d+)", written)]
    assert len(started) == 6
    assert not any(map(is_running, started))


async def test_a_taken_port_is_one_sentence_before_anything_starts(new_up: NewUp) -> None:
    up = new_up()
    with socket.create_server(("127.0.0.1", up.websocket_port)):
        up.start()

        assert await up.ended() == 1
    (line,) = up.lines
    assert line.startswith(f"Port {up.websocket_port} cannot be used (Address already in use)")
    assert "WEBSOCKET_PORT" in line


async def test_a_wrong_setting_is_one_sentence(new_up: NewUp) -> None:
    up = new_up(TURN_TIMEOUT="-1")
    up.start()

    assert await up.ended() == 1
    assert up.lines == ["TURN_TIMEOUT is '-1': input should be greater than 0."]


async def test_a_redis_that_does_not_answer_is_one_sentence_without_its_password(
    new_up: NewUp,
) -> None:
    up = new_up(REDIS_URL="redis://:hunter2@127.0.0.1:1/0")
    up.start()

    assert await up.ended() == 1
    (line,) = up.lines
    assert line.startswith("Redis at redis://127.0.0.1:1/0 does not answer")


async def test_a_redis_on_path_that_is_too_old_is_one_sentence(
    new_up: NewUp, tmp_path: Path
) -> None:
    old = tmp_path / "redis-server"
    old.write_text("#!/bin/sh\necho Redis server v=5.0.3 sha=0\n")
    old.chmod(old.stat().st_mode | stat.S_IXUSR)
    up = new_up(PATH=f"{tmp_path}:{os.environ['PATH']}")
    up.start()

    assert await up.ended() == 1
    (line,) = up.lines
    assert line.startswith(f"{old} is Redis 5.0.3; 6.2 or newer is needed")
