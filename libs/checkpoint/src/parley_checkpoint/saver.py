"""What the asynchronous checkpointer and its synchronous twin share."""

from __future__ import annotations

from secrets import token_bytes, token_urlsafe
from typing import TYPE_CHECKING, Any, ClassVar, TypedDict, Unpack

from langgraph.checkpoint.base import BaseCheckpointSaver

from parley_checkpoint.codec import Codec
from parley_checkpoint.elements import elements_of
from parley_checkpoint.fence import Fence
from parley_checkpoint.keys import Names, Tag, own_tag
from parley_checkpoint.operations import Operations
from parley_checkpoint.recall import Recall
from parley_checkpoint.retention import Retention

if TYPE_CHECKING:
    from collections.abc import Callable

    from langgraph.checkpoint.serde.base import SerializerProtocol


class Options(TypedDict, total=False):
    """What a checkpointer may be told."""

    prefix: str
    """Of its keys; by default "parley"."""
    tag: Tag
    """Which threads share a slot of a Cluster; by default each has its own."""
    serde: SerializerProtocol | None
    """LangGraph's `JsonPlusSerializer` by default."""
    retention: Retention
    """By default everything stays."""
    on_stale: Callable[[Fence], None] | None
    """Hears of a refused write at once; LangGraph only when the superstep or the run ends."""


def missing(name: str) -> Any:
    """A method that only the class's twin has, which says where it is to be found."""

    def method(self: Saver, *_: object, **__: object) -> Any:
        here = name[1:] if name.startswith("a") else f"a{name}"
        mine = type(self).__name__
        raise NotImplementedError(f"{mine} has no {name}: use {here} of it, or {self.twin}")

    return method


class Saver(BaseCheckpointSaver[str]):
    """A checkpointer without its way to Redis."""

    twin: ClassVar[str]
    """The class that does the same with asyncio, or without."""

    def __init__(self, **options: Unpack[Options]) -> None:
        super().__init__(serde=options.get("serde"))
        self._names = Names(options.get("prefix", "parley"), options.get("tag", own_tag))
        self._retention = options.get("retention", Retention())
        self._on_stale = options.get("on_stale")
        self._recall = Recall()
        self._print_key = token_bytes(32)
        self._made = self._make()

    def get_next_version(self, current: str | None, channel: None) -> str:  # noqa: ARG002 (deprecated)
        """Grows with each change; random at its end, so that no two branches share a value."""
        count = 0 if current is None else int(str(current).partition(".")[0])
        return f"{count + 1:08}.{token_urlsafe(4)}"

    @property
    def _operations(self) -> Operations:
        # LangGraph copies a saver to give it another serializer.
        if self._made.codec.serde is not self.serde:
            self._made = self._make()
        return self._made

    def _make(self) -> Operations:
        return Operations(
            self._names,
            self._retention,
            self._recall,
            Codec(self.serde),
            elements_of(self.serde, key=self._print_key),
            self._on_stale,
        )
