"""Reading checkpoints, without the waiting: see `requests`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from langgraph.checkpoint.base import CheckpointTuple

from parley_checkpoint.clock import advance
from parley_checkpoint.codec import Codec
from parley_checkpoint.elements import Elements
from parley_checkpoint.keys import Names
from parley_checkpoint.listing import places_of
from parley_checkpoint.place import Place, place_of
from parley_checkpoint.recall import Recall
from parley_checkpoint.requests import FindKeys, Finds, Request, RunCommand, RunScript, Steps
from parley_checkpoint.retention import Retention
from parley_checkpoint.scripts import script
from parley_checkpoint.values import Values, contents

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    from langchain_core.runnables import RunnableConfig
    from langgraph.checkpoint.base import Checkpoint, DeltaChannelHistory

PAGE = 16
"""Checkpoints that are read in one round trip where there are many."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Each public method is one operation; the checkpointers say what it guarantees."""

    names: Names
    retention: Retention
    recall: Recall
    codec: Codec
    elements: Elements

    def get_tuple(self, config: RunnableConfig) -> Steps[CheckpointTuple | None]:
        place = place_of(config)
        found = yield from self.read([place])
        if not found:
            return None
        if place.checkpoint is None:
            advance(found[0].checkpoint["id"])
        return found[0]

    def find(
        self,
        config: RunnableConfig | None,
        *,
        filter: Mapping[str, Any] | None,
        before: RunnableConfig | None,
        limit: int | None,
    ) -> Finds:
        wanted = (filter or {}).items()
        left = limit
        threads = yield from self.threads(config)
        for thread in threads:
            places = yield from self.places(thread, config=config, before=before)
            for start in range(0, len(places), PAGE):
                if left is not None and left <= 0:
                    return
                page = yield from self.read(places[start : start + PAGE])
                matching = [
                    each
                    for each in page
                    if all(each.metadata.get(key) == value for key, value in wanted)
                ][:left]
                yield from matching
                left = None if left is None else left - len(matching)

    def get_delta_channel_history(
        self, config: RunnableConfig, channels: Sequence[str]
    ) -> Steps[Mapping[str, DeltaChannelHistory]]:
        if not channels:
            return {}
        place = place_of(config)
        reply = yield RunScript(
            script("history"),
            self.names.keys(place.thread),
            [place.namespace, place.checkpoint or "", *channels],
        )
        ancestors, *shared = reply
        return self._histories(place, channels, ancestors, contents(*shared))

    def read(
        self, places: Sequence[Place], *, only_bodies: bool = False
    ) -> Generator[Request, Any, list[CheckpointTuple]]:
        """Those of the places, all of one thread, that hold a checkpoint."""
        wanted = [part for place in places for part in (place.namespace, place.checkpoint or "")]
        renews = int(self.retention.age_ms > 0 and not only_bodies)
        keys = self.names.keys(places[0].thread)
        reply = yield RunScript(script("read"), keys, [renews, int(not only_bodies), *wanted])
        checkpoints, *shared = reply
        lists, elements = contents(*shared)
        return [
            self._tuple(place.at(found[0].decode()), *found[1:], lists=lists, elements=elements)
            for place, found in zip(places, checkpoints, strict=True)
            if found is not None
        ]

    def threads(self, config: RunnableConfig | None) -> Generator[Request, Any, list[str]]:
        """The config's thread, or every one under the prefix."""
        if config is not None:
            return [str(config["configurable"]["thread_id"])]
        found = yield FindKeys(self.names.pattern)
        return list(dict.fromkeys(self.names.thread_of(key.decode()) for key in found))

    def places(
        self, thread: str, *, config: RunnableConfig | None, before: RunnableConfig | None
    ) -> Generator[Request, Any, list[Place]]:
        index = self.names.keys(thread)[0]
        members = yield RunCommand(("ZRANGE", index, 0, -1), index)
        return places_of(thread, members, config=config, before=before)

    def values(self, place: Place) -> Values:
        return Values(self.codec, self.elements, self.recall, place.thread, place.namespace)

    def _tuple(
        self,
        place: Place,
        parent: bytes,
        body: bytes,
        values: Sequence[bytes],
        writes: Sequence[bytes],
        *,
        lists: Mapping[bytes, bytes],
        elements: Mapping[bytes, bytes],
    ) -> CheckpointTuple:
        checkpoint, metadata = self.codec.unpack_body(body)
        checkpoint["id"] = place.checkpoint
        checkpoint["channel_values"] = self.values(place).opened(values, lists, elements)
        return CheckpointTuple(
            config=place.config,
            checkpoint=cast("Checkpoint", checkpoint),
            metadata=metadata,
            parent_config=place.at(parent.decode()).config if parent else None,
            pending_writes=self.codec.unpack_writes(writes),
        )

    def _histories(
        self,
        place: Place,
        channels: Sequence[str],
        ancestors: Sequence[Any],
        shared: tuple[Mapping[bytes, bytes], Mapping[bytes, bytes]],
    ) -> Mapping[str, DeltaChannelHistory]:
        """A seed is its ancestor's value before the writes there, which made that one's child."""
        histories: dict[str, DeltaChannelHistory] = {name: {"writes": []} for name in channels}
        open_channels = set(channels)
        for values, packed in ancestors:
            seeds = self.values(place).opened(values, *shared)
            for write in reversed(self.codec.unpack_writes(packed)):
                if write[1] in open_channels:
                    histories[write[1]]["writes"].append(write)
            for channel, seed in seeds.items():
                histories[channel]["seed"] = seed
                open_channels.discard(channel)
        for history in histories.values():
            history["writes"].reverse()
        return histories
