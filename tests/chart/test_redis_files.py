"""The bundled Redis' own files with a real server: its password, and what its probes mean."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from secrets import token_hex

import pytest
import redis

from parley_testing.ports import free_port
from parley_testing.repository import CHART

FILES = CHART / "files" / "redis"
PASSWORD = 'a "quoted" \\ and $HOME `id`'
"""The worst that somebody may put into a secret of their own."""
WITHIN = 10.0
KEYS = 60
BLIND = 1.0
Start = Callable[..., "Running"]


class Running:
    """A server that start.sh started in `folder`."""

    def __init__(self, folder: Path, *, options: tuple[str, ...]) -> None:
        self.port = free_port()
        own = (
            f"include {FILES}/redis.conf",
            f"logfile {folder}/log",
            f"port {self.port}",
        )
        (folder / "redis.conf").write_text("\n".join((*own, *options)))
        (folder / "password").write_text(PASSWORD)
        self._env = {
            # Where Python's package brings a server along, its programs are beside Python.
            "PATH": f"{os.environ['PATH']}:{Path(sys.executable).parent}",
            "DATA": str(folder),
            "CONFIG": str(folder / "redis.conf"),
            "PASSWORD_FILE": str(folder / "password"),
            "PORT": str(self.port),
        }
        self.client = redis.Redis(port=self.port, password=PASSWORD, socket_timeout=WITHIN)
        self.process = subprocess.Popen(
            ["/bin/sh", FILES / "start.sh"],
            env=self._env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def probe(self, name: str) -> bool:
        """Whether alive.sh or ready.sh says yes."""
        script = FILES / f"{name}.sh"
        ended = subprocess.run(
            ["/bin/sh", script], env=self._env, capture_output=True, timeout=WITHIN, check=False
        )
        return ended.returncode == 0

    def until(self, name: str) -> Running:
        limit = time.monotonic() + WITHIN
        while not self.probe(name):
            assert time.monotonic() < limit, f"{name}.sh said no for {WITHIN} s"
        return self

    def stop(self) -> None:
        """As the kubelet does: what does not end by itself is killed."""
        self.client.close()
        self.process.terminate()
        try:
            self.process.wait(timeout=WITHIN)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(timeout=WITHIN)
            raise


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a server; each finds what the one before it left."""
    servers: list[Running] = []

    def start_one(*options: str) -> Running:
        servers.append(Running(tmp_path, options=options))
        return servers[-1]

    yield start_one
    for server in servers:
        server.stop()


def test_the_password_is_needed_whatever_is_in_it(start: Start) -> None:
    server = start().until("ready")

    assert server.client.ping()
    with redis.Redis(port=server.port) as nobody, pytest.raises(redis.AuthenticationError):
        nobody.ping()


def test_the_password_is_neither_in_arguments_nor_in_the_environment(tmp_path: Path) -> None:
    program = tmp_path / "redis-server"
    program.write_text(f'#!/bin/sh\ncd {tmp_path}\necho "$@" >args\nenv >env\ncat >config\n')
    program.chmod(0o755)
    (tmp_path / "password").write_text("open sesame")
    env = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "DATA": str(tmp_path),
        "PASSWORD_FILE": str(tmp_path / "password"),
    }

    subprocess.run(["/bin/sh", FILES / "start.sh"], env=env, timeout=WITHIN, check=True)

    assert (tmp_path / "args").read_text() == "-\n"
    assert "sesame" not in (tmp_path / "env").read_text()
    assert 'requirepass "open sesame"' in (tmp_path / "config").read_text()


def test_nothing_is_ever_thrown_away_and_everything_is_logged(start: Start) -> None:
    server = start().until("ready")

    config = server.client.config_get("maxmemory-policy", "appendonly", "save")

    assert config == {"maxmemory-policy": "noeviction", "appendonly": "yes", "save": ""}


def test_a_server_that_was_told_to_end_has_lost_nothing(start: Start) -> None:
    first = start("appendfsync everysec").until("ready")
    first.client.set("said", "all")
    first.stop()

    second = start().until("ready")

    assert second.client.get("said") == b"all"


def test_a_second_server_waits_for_the_data_and_then_has_all_of_it(start: Start) -> None:
    first = start("appendfsync always").until("ready")
    second = start("appendfsync always")

    # Longer than a server needs to start.
    ended = time.monotonic() + BLIND
    while time.monotonic() < ended:
        assert not second.probe("alive")
        first.client.incr("said")
    said = first.client.get("said")
    first.process.kill()

    second.until("ready")
    assert second.client.get("said") == said


def test_a_server_that_loads_is_alive_and_not_ready(start: Start) -> None:
    first = start().until("ready")
    first.client.mset({f"key {number}": token_hex(400) for number in range(KEYS)})
    first.client.bgrewriteaof()
    _until_rewritten(first)
    first.stop()

    # 50 ms a key, and an ear for others after each.
    second = start("key-load-delay 50000", "loading-process-events-interval-bytes 1024")
    second.until("alive")

    assert not second.probe("ready")
    assert second.probe("alive")
    second.until("ready")
    assert second.client.dbsize() == KEYS


def test_a_server_that_a_script_keeps_busy_is_alive_and_not_ready(start: Start) -> None:
    server = start("busy-reply-threshold 50", "lua-time-limit 50").until("ready")

    caller = redis.Redis(port=server.port, password=PASSWORD, socket_timeout=0.5)
    with caller, pytest.raises(redis.RedisError):
        caller.eval("while true do end", 0)

    assert server.probe("alive")
    assert not server.probe("ready")
    server.client.script_kill()


def test_a_server_that_is_gone_is_neither(start: Start) -> None:
    server = start().until("ready")
    server.stop()

    assert not server.probe("alive")
    assert not server.probe("ready")


def _until_rewritten(server: Running) -> None:
    limit = time.monotonic() + WITHIN
    while server.client.info("persistence")["aof_rewrite_in_progress"]:
        assert time.monotonic() < limit
        time.sleep(0.02)
