"""Where a checkpoint is: LangGraph's `configurable` as a value."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig


@dataclass(frozen=True, slots=True)
class Place:
    """A checkpoint of a thread; without an id the newest of its namespace."""

    thread: str
    namespace: str
    checkpoint: str | None

    @property
    def config(self) -> RunnableConfig:
        """As LangGraph gets it back: without a fence, which ends with its run."""
        return {
            "configurable": {
                "thread_id": self.thread,
                "checkpoint_ns": self.namespace,
                "checkpoint_id": self.checkpoint,
            }
        }

    @property
    def member(self) -> str:
        """What the thread's index has of it."""
        return f"{self.namespace}\0{self.checkpoint}"

    def at(self, checkpoint: str) -> Place:
        return replace(self, checkpoint=checkpoint)


def place_of(config: RunnableConfig) -> Place:
    """What a config points at. Raises ValueError for a namespace with NUL: keys are split there."""
    configurable = config["configurable"]
    namespace = configurable.get("checkpoint_ns") or ""
    if "\0" in namespace:
        raise ValueError("expected a checkpoint namespace without NUL")
    return Place(str(configurable["thread_id"]), namespace, configurable.get("checkpoint_id"))
