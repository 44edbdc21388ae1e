"""An executor that counts what goes through it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Sequence
from typing import Any

from parley_checkpoint import Script
from parley_checkpoint.ports import Argument
from parley_checkpoint.redis_py import RedisPyExecutor


class Counting:
    """Passes everything on."""

    def __init__(self, executor: RedisPyExecutor) -> None:
        self._executor = executor
        self.calls = 0
        self.sent: list[int] = []
        """Bytes of each script's arguments."""

    def command(self, *args: Argument, key: str | None = None) -> Awaitable[Any]:
        self.calls += 1
        return self._executor.command(*args, key=key)

    def script(
        self, script: Script, keys: Sequence[str], args: Sequence[Argument]
    ) -> Awaitable[Any]:
        self.calls += 1
        self.sent.append(sum(len(str(arg)) if isinstance(arg, int) else len(arg) for arg in args))
        return self._executor.script(script, keys, args)

    def find_keys(self, pattern: str) -> AsyncIterator[bytes]:
        return self._executor.find_keys(pattern)
