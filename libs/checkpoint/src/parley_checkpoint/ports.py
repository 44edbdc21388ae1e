"""What the checkpointers need of Redis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Sequence

    from parley_checkpoint.scripts import Script

Argument = str | bytes | int


class Executor(Protocol):
    """Runs commands and scripts; replies are raw (bytes, int, list, None).

    One thread's calls take effect in the order in which they were made. A call may be repeated:
    every script here is safe to run twice. What it raises goes through to the caller.
    """

    def command(self, *args: Argument, key: str | None = None) -> Awaitable[Any]:
        """`key` says which node of a Cluster."""

    def script(
        self, script: Script, keys: Sequence[str], args: Sequence[Argument]
    ) -> Awaitable[Any]:
        """All `keys` share a hash tag, which says which node of a Cluster."""


@runtime_checkable
class KeyFinder(Protocol):
    """An executor that can also look through all keys, which only two operations ask for: `alist`
    without a config and `adelete_for_runs`."""

    def find_keys(self, pattern: str) -> AsyncIterator[bytes]:
        """Keys of every node that match a glob pattern, each once or more."""
