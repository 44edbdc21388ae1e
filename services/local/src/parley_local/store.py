"""The Redis that `make up` works with: its own, or one that somebody else runs."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from parley_core.domain.errors import PermanentError, Unavailable
from parley_core.redis.client import RedisClient
from parley_local.data import DURABLE, FolderLock, data_folder
from parley_local.ports import reserve_port
from parley_local.redis_server import RedisServer, find

DATA = Path(".parley")
_PORTS = range(6380, 6480)
"""Beside Redis's own port, which may be somebody's."""
_LOADED_WITHIN = 60.0
"""Seconds to read all data back."""


class OwnRedis:
    """Runs on a free port of 127.0.0.1; its data outlives it."""

    def __init__(self, *, root: Path = DATA) -> None:
        """Raises `PermanentError`: no server, a server too old, data of another major or in use."""
        program = find()
        folder = data_folder(root, program)
        self._lock = FolderLock(folder)
        self._reserved = reserve_port(_PORTS)
        self._server = RedisServer(
            program,
            port=self._reserved.port,
            folder=folder,
            options=DURABLE,
            inherited=(self._lock.descriptor,),
        )
        self.url = self._server.url
        self.about = f"{self.url}  ({program}, data in {folder})"

    async def start(self) -> int:
        """Its process id, when it answers. Raises `PermanentError` if it does not."""
        self._server.start()
        await self._server.wait_ready(within=_LOADED_WITHIN)
        return self._server.pid

    async def ended(self) -> int:
        """Its exit code, as soon as it has ended."""
        return await self._server.ended()

    def stop(self) -> None:
        """Its last data written."""
        self._server.stop()
        self._reserved.release()
        self._lock.release()


async def connect(url: str) -> RedisClient:
    """A started client. Raises `PermanentError` if Redis does not answer, or is too old."""
    client = RedisClient(url, name="parley-local")
    try:
        await client.start()
    except Unavailable as error:
        raise PermanentError(f"Redis at {shown(url)} does not answer: {error}") from error
    return client


def shown(url: str) -> str:
    """A URL without its user and password."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
