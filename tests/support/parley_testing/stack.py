"""The whole system as processes, with a Redis that can be cut off, restarted and put back."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from parley_core.domain.ids import ProcessId, process_id
from parley_core.redis.client import RedisClient
from parley_core.redis.keys import Keys
from parley_local.redis_server import RedisServer, find
from parley_testing.ports import free_port
from parley_testing.processes import ServiceProcess
from parley_testing.redis_proxy import RedisProxy

_SUPPORT = Path(__file__).parents[1]
_PERSISTENT = ("--appendonly", "yes", "--appendfsync", "everysec", "--save", "")

_LIST_SCRIPTS = """
import json
from parley_checkpoint import every_script as of_the_checkpointer
from parley_core.redis.scripts import every_script
print(json.dumps({each.sha: each.name for each in (*every_script(), *of_the_checkpointer())}))
"""
_NEVER_STARTED = ProcessId("")


def ablated(safeguard: str | None) -> dict[str, str]:
    """The environment that switches a safeguard off; without one, that lets graphs be imported."""
    if safeguard is None:
        return {"PYTHONPATH": str(_SUPPORT)}
    # The folder's sitecustomize module does the rest.
    path = os.pathsep.join(map(str, (_SUPPORT / "ablated", _SUPPORT)))
    return {"PARLEY_ABLATION": safeguard, "PYTHONPATH": path}


@dataclass(slots=True)
class Member:
    """One process of the stack, through all its starts."""

    name: str
    module: str
    admin_port: int
    env: dict[str, str] = field(default_factory=dict)
    process: ServiceProcess | None = None
    id: ProcessId = _NEVER_STARTED


class Stack:
    """Edges on one port, workers and a presence service, all through a proxy to a Redis of its own.

    `ablation` switches one safeguard off in all services. Nobody restarts what dies: `supervised`
    has the runs in which processes are killed.
    """

    def __init__(
        self,
        folder: Path,
        *,
        edges: int = 2,
        workers: int = 2,
        presences: int = 0,
        env: dict[str, str] | None = None,
        ablation: str | None = None,
    ) -> None:
        self.folder = folder
        self.keys = Keys("parley")
        self.port = free_port()
        self.redis = RedisServer(
            find(), port=free_port(), folder=folder / "redis", options=_PERSISTENT
        )
        self._env = {
            "WEBSOCKET_PORT": str(self.port),
            "WEBSOCKET_HOST": "127.0.0.1",
            "HTTP_PORT": str(free_port()),
            "LOG_LEVEL": "INFO",
            "RATE_TEXT": "1000",
            "RATE_TEXT_BURST": "2000",
            **(env or {}),
        }
        self._env |= ablated(ablation)
        kinds = (("edge", edges), ("conversation", workers), ("presence", presences))
        self.members = {
            f"{kind}-{number}": Member(f"{kind}-{number}", f"parley_{kind}", free_port())
            for kind, count in kinds
            for number in range(1, count + 1)
        }
        for member in self.members.values():
            if member.module == "parley_presence":  # workers share a port, these do not
                member.env["HTTP_PORT"] = str(free_port())
        self._exit = AsyncExitStack()
        self._script_names: dict[str, str] = {}

    async def __aenter__(self) -> Self:
        try:
            self.redis.start()
            self._exit.callback(self.redis.stop)
            await self.redis.wait_ready()
            self.proxy = await self._exit.enter_async_context(RedisProxy(self.redis.port))
            self.direct = RedisClient(self.redis.url, name="test")
            await self.direct.start()
            self._exit.push_async_callback(self.direct.aclose)
            for member in self.members.values():
                self.spawn(member.name)
            self._exit.callback(self._end)
            await asyncio.gather(*(self.ready(name) for name in self.members))
        except BaseException:
            await self._exit.aclose()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            self._keep_logs()
        await self._exit.aclose()

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"ws://127.0.0.1:{self.port}/ws"

    @property
    def edges(self) -> list[str]:
        return [name for name in self.members if name.startswith("edge")]

    @property
    def workers(self) -> list[str]:
        return [name for name in self.members if name.startswith("conversation")]

    def spawn(self, name: str) -> None:
        """Start a member, again if it was killed; without waiting."""
        member = self.members[name]
        boot = secrets.token_hex(4)
        member.id = process_id(name, boot=boot)
        env = {
            **self._env,
            **member.env,
            "SERVER_ID": name,
            "PARLEY_BOOT": boot,
            "REDIS_URL": f"redis://127.0.0.1:{self.proxy.port}/0",
        }
        member.process = ServiceProcess(member.module, admin_port=member.admin_port, env=env)
        member.process.start()

    async def ready(self, name: str) -> None:
        await self.running(name).wait_ready(within=30)

    def running(self, name: str) -> ServiceProcess:
        process = self.members[name].process
        assert process is not None, f"{name} was not started"
        return process

    def pause(self, name: str) -> None:
        """SIGSTOP."""
        self.running(name).signal(signal.SIGSTOP)

    def resume(self, name: str) -> None:
        """SIGCONT."""
        self.running(name).signal(signal.SIGCONT)

    async def restart_redis(self, *, put_back: Path | None = None) -> None:
        """Stop and start Redis on its data, or on the data that was copied to `put_back`."""
        await self.direct.aclose()
        self.redis.stop()
        if put_back is not None:
            shutil.rmtree(self.folder / "redis")
            shutil.copytree(put_back, self.folder / "redis")
        self.redis.start()
        await self.redis.wait_ready()
        self.direct = RedisClient(self.redis.url, name="test")
        await self.direct.start()
        self._exit.push_async_callback(self.direct.aclose)

    async def copy_data(self, to: Path) -> Path:
        """What is on Redis's disk, after a rewrite that makes it whole."""
        await self.direct.command("BGREWRITEAOF")
        async with asyncio.timeout(20):
            while b"aof_rewrite_in_progress:1" in await self._persistence():
                await asyncio.sleep(0.05)
        shutil.copytree(self.folder / "redis", to)
        return to

    async def _persistence(self) -> bytes:
        info: bytes = await self.direct.command("INFO", "persistence")
        return info

    def script_names(self) -> dict[str, str]:
        """The services' scripts by SHA1, which an ablation changes."""
        if not self._script_names:
            listed = subprocess.run(
                [sys.executable, "-c", _LIST_SCRIPTS],
                env={**os.environ, **self._env},
                capture_output=True,
                check=True,
                timeout=20,
            ).stdout
            self._script_names = json.loads(listed)
        return self._script_names

    def log(self, name: str) -> str:
        """What the member wrote since its last start."""
        return self.running(name).log()

    def _end(self) -> None:
        for member in self.members.values():
            if member.process is not None:
                member.process.end()

    def _keep_logs(self) -> None:
        for name, member in self.members.items():
            if member.process is not None:
                self._save_log(name, member.process)

    def _save_log(self, name: str, process: ServiceProcess) -> None:
        with (self.folder / f"{name}.log").open("a") as kept:
            kept.write(process.log())
