"""Where data lives, and who may touch it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from parley_core.domain.errors import PermanentError
from parley_local.data import FolderLock, data_folder
from parley_local.redis_server import RedisProgram

SEVEN = RedisProgram(Path("/usr/bin/redis-server"), "redis", (7, 0, 15))
VALKEY = RedisProgram(Path("/usr/bin/valkey-server"), "valkey", (7, 2, 5))


def put_data(folder: Path) -> None:
    (folder / "appendonlydir").mkdir(parents=True)


def test_each_major_has_its_folder(tmp_path: Path) -> None:
    assert data_folder(tmp_path, SEVEN) == tmp_path / "redis-7"


def test_its_own_data_is_welcome(tmp_path: Path) -> None:
    put_data(tmp_path / "redis-7")

    assert data_folder(tmp_path, SEVEN) == tmp_path / "redis-7"


@pytest.mark.parametrize("other", ["redis-6", "redis-8", "valkey-7"])
def test_data_of_another_server_is_told_and_not_started_without(tmp_path: Path, other: str) -> None:
    put_data(tmp_path / other)

    with pytest.raises(PermanentError, match=rf"{other} holds the conversations of another Redis"):
        data_folder(tmp_path, SEVEN)


def test_valkey_does_not_take_redis_data_of_the_same_number(tmp_path: Path) -> None:
    put_data(tmp_path / "redis-7")

    with pytest.raises(PermanentError, match=r"the one found is Valkey 7\.2\.5"):
        data_folder(tmp_path, VALKEY)


def test_a_folder_that_holds_no_data_is_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / "redis-6").mkdir()
    for name in ("lock", "redis.pid", "redis.log"):
        (tmp_path / "redis-6" / name).touch()

    assert data_folder(tmp_path, SEVEN) == tmp_path / "redis-7"


def test_a_folder_has_one_owner_at_a_time(tmp_path: Path) -> None:
    lock = FolderLock(tmp_path)
    (tmp_path / "redis.pid").write_text("4711\n")

    with pytest.raises(PermanentError, match=r"Another Redis \(process 4711\) works on"):
        FolderLock(tmp_path)
    lock.release()
    FolderLock(tmp_path).release()


def test_a_process_that_inherited_the_lock_holds_it_when_its_parent_is_gone(
    tmp_path: Path,
) -> None:
    lock = FolderLock(tmp_path)
    with subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=(lock.descriptor,)
    ) as heir:
        lock.release()

        with pytest.raises(PermanentError, match="Another Redis works on"):
            FolderLock(tmp_path)
        heir.communicate(os.linesep.encode(), timeout=10)
    FolderLock(tmp_path).release()
