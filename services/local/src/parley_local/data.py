"""Where the data of our own Redis lives between two starts."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from parley_core.domain.errors import PermanentError
from parley_local.redis_server import RedisProgram

DURABLE = ("--appendonly", "yes", "--appendfsync", "everysec", "--save", "")
"""Every write is in a file within a second."""
_NO_DATA = frozenset({"lock", "redis.pid", "redis.log"})


def data_folder(root: Path, program: RedisProgram) -> Path:
    """The folder in `root` of this server's data.

    Raises `PermanentError` if there is data of another major version: a start without it would
    look as if all conversations were lost.
    """
    own = root / f"{program.family}-{program.major}"
    for other in sorted(root.glob("*-*")):
        if other != own and _has_data(other):
            raise PermanentError(
                f"{other} holds the conversations of another Redis, and the one found is"
                f" {program}. Put a server of that version on PATH (or name one with REDIS_URL),"
                f" or move the folder away to start without them."
            )
    return own


def _has_data(folder: Path) -> bool:
    return any(each.name not in _NO_DATA for each in folder.iterdir()) if folder.is_dir() else False


class FolderLock:
    """Held by whoever works on a folder's data, and by the Redis that inherits its descriptor.

    So two `make up` never write to one folder, not even when the first was killed and its Redis
    lives on.
    """

    def __init__(self, folder: Path) -> None:
        """Raises `PermanentError` if somebody else has it."""
        folder.mkdir(parents=True, exist_ok=True)
        self.descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self.descriptor)
            raise PermanentError(
                f"Another Redis{_pid(folder)} works on {folder}: stop the other `make up`,"
                f" or end that process if there is none."
            ) from None

    def release(self) -> None:
        os.close(self.descriptor)


def _pid(folder: Path) -> str:
    try:
        return f" (process {int((folder / 'redis.pid').read_text())})"
    except (OSError, ValueError):
        return ""
