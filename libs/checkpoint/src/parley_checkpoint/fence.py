"""The proof that a writer may write, carried through LangGraph in the run's config."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig

# LangGraph writes other keys of `configurable` into every checkpoint's metadata.
_KEY = "__lease_key"
_FIELD = "__lease_field"
_TOKEN = "__lease_token"  # noqa: S105 (a name)


class StaleToken(Exception):
    """A put or writes came with a token that is not the lease's current one. It changed nothing."""


@dataclasses.dataclass(frozen=True, slots=True)
class Fence:
    """A lease as Redis has it: `field` of the hash `key` holds the current `token`.

    `key` must share the hash tag of the thread's keys.
    """

    key: str
    field: str
    token: str = dataclasses.field(repr=False)

    def configurable(self) -> dict[str, str]:
        """What a run's `configurable` must have for its writes to carry this fence."""
        return {_KEY: self.key, _FIELD: self.field, _TOKEN: self.token}


def fence_of(config: RunnableConfig) -> Fence | None:
    """The fence a run was given, if any. Raises ValueError for a part of one."""
    configurable: dict[str, Any] = config["configurable"]
    given = [configurable.get(name) for name in (_KEY, _FIELD, _TOKEN)]
    parts = [part for part in given if isinstance(part, str)]
    if len(parts) == len(given):
        return Fence(*parts)
    if all(part is None for part in given):
        return None
    raise ValueError(f"expected {_KEY}, {_FIELD} and {_TOKEN} together, as text")
