"""The whole of Parley, as `make up` starts it, on free ports and in a folder of its own."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from parley_core.domain.errors import PermanentError
from parley_local.mortality import end_with_parent
from parley_local.ports import refuse_taken
from parley_testing.ports import free_port

_WITHIN = 40.0
"""Seconds for anything that is waited for; a busy machine starts six processes slowly."""
_LOOK_EACH = 0.02


def free_row(count: int) -> int:
    """The first of `count` ports in a row that are free."""
    while True:
        first = free_port()
        with suppress(PermanentError):
            refuse_taken({first + number: "" for number in range(count)}, host="127.0.0.1")
            return first


class Up:
    """`python -m parley_local` in `folder`."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self.websocket_port = free_port()
        self.admin_port = free_row(5)
        settings = {
            "WEBSOCKET_HOST": "127.0.0.1",
            "WEBSOCKET_PORT": str(self.websocket_port),
            "ADMIN_PORT": str(self.admin_port),
            "HTTP_PORT": str(free_row(2)),
        }
        self._environment = {**os.environ, **settings, **environment}
        self._log = tempfile.NamedTemporaryFile()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *, output: int | None = None) -> None:
        """Without waiting for anything. `output`: a descriptor to write to in place of `lines`."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "parley_local"],
            env=self._environment,
            cwd=self.folder,
            stdout=self._log if output is None else output,
            stderr=subprocess.STDOUT,
            preexec_fn=end_with_parent,  # noqa: PLW1509  # one system call, no lock
        )

    async def is_up(self) -> None:
        await self.says("Parley is up")

    @property
    def lines(self) -> list[str]:
        """What it wrote so far."""
        return Path(self._log.name).read_text().splitlines()

    async def says(self, pattern: str, *, after: int = 0) -> re.Match[str]:
        """Wait for a line that matches, at or after line `after`."""
        deadline = time.monotonic() + _WITHIN
        while time.monotonic() < deadline:
            for line in self.lines[after:]:
                if match := re.search(pattern, line):
                    return match
            await asyncio.sleep(_LOOK_EACH)
        raise AssertionError(f"never said {pattern}:\n" + "\n".join(self.lines))

    async def pid_of(self, name: str, *, after: int = 0) -> int:
        """The process that runs as `name`."""
        return int((await self.says(rf"{name}\S* started as process (\d+)", after=after))[1])

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    async def ended(self) -> int:
        """Its exit code, when it has ended."""
        assert self._process is not None
        deadline = time.monotonic() + _WITHIN
        while (code := self._process.poll()) is None:
            assert time.monotonic() < deadline, "\n".join(self.lines)
            await asyncio.sleep(_LOOK_EACH)
        return code

    def end(self) -> None:
        """In order, else by force; that leaves its children to themselves, and fails."""
        for number in (signal.SIGINT, signal.SIGINT, signal.SIGKILL):
            if self._process is not None and self._process.poll() is None:
                self.signal(number)
                with suppress(subprocess.TimeoutExpired):
                    self._process.wait(20)
        self._log.close()

    def started(self) -> list[int]:
        """All processes that it ever started."""
        matches = (re.search(r"started as process (\d+)", line) for line in self.lines)
        return [int(match[1]) for match in matches if match]
