"""Services as processes: started, watched, signalled and ended."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Self

import httpx

from parley_local.mortality import end_with_parent

_READY_WITHIN = 20.0
_EXIT_WITHIN = 15.0


class ServiceProcess:
    """`python -m <module>` with an admin port.

    An async context manager: started and ready inside, ended by its pid outside.
    """

    def __init__(self, module: str, *, admin_port: int, env: dict[str, str]) -> None:
        self.module = module
        self.admin_port = admin_port
        self._env = {**os.environ, **env, "ADMIN_PORT": str(admin_port)}
        self._log = tempfile.TemporaryFile()  # lives as long as the process
        self._process: subprocess.Popen[bytes] | None = None

    async def __aenter__(self) -> Self:
        self.start()
        try:
            await self.wait_ready()
        except BaseException:
            self.end()
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.end()

    @property
    def pid(self) -> int:
        assert self._process is not None, "the process was not started"
        return self._process.pid

    @property
    def admin_url(self) -> str:
        return f"http://127.0.0.1:{self.admin_port}"

    def start(self) -> None:
        """Without waiting for anything."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", self.module],
            env=self._env,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            cwd=Path(tempfile.gettempdir()),
            preexec_fn=end_with_parent,  # noqa: PLW1509  # one system call, no lock
        )

    async def wait_ready(self, *, within: float = _READY_WITHIN) -> None:
        """Until /readyz says so. Fails with the log if the process ends or is late."""
        async with httpx.AsyncClient() as client:
            try:
                async with asyncio.timeout(within):
                    while not await self._is_ready(client):
                        assert self.poll() is None, f"{self.module} ended:\n{self.log()}"
                        await asyncio.sleep(0.05)
            except TimeoutError:
                raise AssertionError(f"{self.module} is not ready:\n{self.log()}") from None

    async def _is_ready(self, client: httpx.AsyncClient) -> bool:
        try:
            return (await client.get(f"{self.admin_url}/readyz", timeout=2)).status_code == 200
        except httpx.TransportError:
            return False

    def poll(self) -> int | None:
        """The exit code, None while it runs."""
        return None if self._process is None else self._process.poll()

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None, "the process was not started"
        self._process.send_signal(number)

    async def wait_exit(self, *, within: float = _EXIT_WITHIN) -> int:
        """The exit code. Fails with the log if it does not go in time."""
        try:
            async with asyncio.timeout(within):
                while (code := self.poll()) is None:
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"{self.module} does not exit:\n{self.log()}") from None
        return code

    def log(self) -> str:
        """What it wrote so far."""
        self._log.seek(0)
        return self._log.read().decode(errors="replace")

    def end(self) -> None:
        """By force, if it still runs."""
        if self._process is not None and self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGCONT)
            self._process.kill()
            self._process.wait(_EXIT_WITHIN)
        self._log.close()
