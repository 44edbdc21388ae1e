"""Names in Redis. The parts of a thread share one hash tag."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

Tag = Callable[[str], str]
"""From a thread's id to its hash tag."""

PARTS = ("index", "data", "writes", "blobs")


@dataclass(frozen=True, slots=True)
class Names:
    """Which keys a thread has."""

    prefix: str
    tag: Tag

    def keys(self, thread: str) -> list[str]:
        """The keys of a thread, in the order that all scripts take them in."""
        base = f"{self.prefix}:{{{self.tag(thread)}}}:ckpt:{thread}"
        return [f"{base}:{part}" for part in PARTS]

    @property
    def pattern(self) -> str:
        """A glob that finds the index of every thread."""
        return re.sub(r"([*?\[\]\\^])", r"\\\1", self.prefix) + ":{*}:ckpt:*:index"

    def thread_of(self, index: str) -> str:
        """The thread whose index has this name."""
        _, _, rest = index.removeprefix(f"{self.prefix}:").partition("}:ckpt:")
        return rest.removesuffix(":index")


def own_tag(thread: str) -> str:
    """Each thread in a slot of its own."""
    return thread
