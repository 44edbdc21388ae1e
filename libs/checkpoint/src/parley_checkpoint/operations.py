"""LangGraph's operations on a checkpointer, without the waiting: see `requests`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from langgraph.checkpoint.base import CheckpointTuple, get_checkpoint_metadata

from parley_checkpoint.clock import advance
from parley_checkpoint.codec import Codec, value_name
from parley_checkpoint.elements import Elements
from parley_checkpoint.fence import Fence, StaleToken, fence_of
from parley_checkpoint.keys import Names
from parley_checkpoint.listing import places_of
from parley_checkpoint.place import Place, place_of
from parley_checkpoint.recall import Recall
from parley_checkpoint.requests import FindKeys, Finds, Request, RunCommand, RunScript, Steps
from parley_checkpoint.retention import Retention
from parley_checkpoint.scripts import script
from parley_checkpoint.values import NewList, Values, contents

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence

    from langchain_core.runnables import RunnableConfig
    from langgraph.checkpoint.base import (
        ChannelVersions,
        Checkpoint,
        CheckpointMetadata,
        DeltaChannelHistory,
    )

    from parley_checkpoint.ports import Argument

_PAGE = 16
"""Checkpoints that `list` reads in one round trip."""


@dataclass(frozen=True, slots=True)
class Operations:
    """Each method is one operation; the checkpointers say what it guarantees."""

    names: Names
    retention: Retention
    recall: Recall
    codec: Codec
    elements: Elements
    on_stale: Callable[[Fence], None] | None

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> Steps[RunnableConfig]:
        place = place_of(config)
        first = self._put_arguments(config, checkpoint, metadata)
        lists, rest = self._value_arguments(place, checkpoint, new_versions)
        reply = yield from self._write("checkpoint", config, [*first, *_of(lists), *rest])
        if reply == b"missing":
            # What this process knew of its lists is past: they are sent whole.
            for each in lists:
                self.recall.forget((place.thread, place.namespace, each.channel))
            lists, rest = self._value_arguments(place, checkpoint, new_versions)
            yield from self._write("checkpoint", config, [*first, *_of(lists), *rest])
        for each in lists:
            self.recall.put((place.thread, place.namespace, each.channel), each.recalled)
        return place.at(checkpoint["id"]).config

    def put_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str,
    ) -> Steps[None]:
        place = place_of(config)
        if place.checkpoint is None:
            raise ValueError("expected a checkpoint_id to keep writes with")
        if writes:
            packed = self.codec.pack_writes(writes, path=task_path)
            yield from self._write(
                "writes", config, [place.namespace, place.checkpoint, task_id, packed]
            )

    def get_tuple(self, config: RunnableConfig) -> Steps[CheckpointTuple | None]:
        place = place_of(config)
        found = yield from self._read([place])
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
        threads = yield from self._threads(config)
        for thread in threads:
            places = yield from self._places(thread, config=config, before=before)
            for start in range(0, len(places), _PAGE):
                if left is not None and left <= 0:
                    return
                page = yield from self._read(places[start : start + _PAGE])
                matching = [
                    each
                    for each in page
                    if all(each.metadata.get(key) == value for key, value in wanted)
                ][:left]
                yield from matching
                left = None if left is None else left - len(matching)

    def delete_thread(self, thread_id: str) -> Steps[None]:
        keys = self.names.keys(thread_id)
        yield RunCommand(("UNLINK", *keys), keys[0])

    def delete_for_runs(self, run_ids: Sequence[str]) -> Steps[None]:
        if not run_ids:
            return
        threads = yield from self._threads(None)
        for thread in threads:
            places = yield from self._places(thread, config=None, before=None)
            members: list[Argument] = []
            for start in range(0, len(places), _PAGE):
                page = yield from self._read(places[start : start + _PAGE], only_bodies=True)
                members += [
                    place_of(each.config).member
                    for each in page
                    if each.metadata.get("run_id") in run_ids
                ]
            if members:
                yield RunScript(script("forget"), self.names.keys(thread), members)

    def copy_thread(self, source: str, target: str, *, until: str | None) -> Steps[None]:
        if until is not None:
            found = yield from self._read([Place(source, "", until)], only_bodies=True)
            if not found:
                raise LookupError(f"expected thread {source!r} to have checkpoint {until!r}")
        dumps = yield RunScript(script("export"), self.names.keys(source), [])
        args = ["", "", self.retention.life_ms, until or "", *(dump or b"" for dump in dumps)]
        yield RunScript(script("import"), self.names.keys(target), args)

    def prune(self, thread_ids: Sequence[str], *, strategy: str) -> Steps[None]:
        if strategy not in {"keep_latest", "delete"}:
            raise ValueError(f"expected strategy 'keep_latest' or 'delete', got {strategy!r}")
        for thread in thread_ids:
            if strategy == "delete":
                yield from self.delete_thread(thread)
            else:
                yield RunScript(script("prune"), self.names.keys(thread), [])

    def rewind(self, config: RunnableConfig) -> Steps[None]:
        yield from self._write("rewind", config, [place_of(config).checkpoint or ""])

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

    def _put_arguments(
        self, config: RunnableConfig, checkpoint: Checkpoint, metadata: CheckpointMetadata
    ) -> list[Argument]:
        place = place_of(config)
        merged = get_checkpoint_metadata(config, metadata)
        begins = not place.namespace and merged.get("source") == "input"
        needs_parent = place.checkpoint and merged.get("counters_since_delta_snapshot")
        return [
            place.namespace,
            checkpoint["id"],
            place.checkpoint or "",
            int(bool(needs_parent)),
            str(merged.get("run_id") or ""),
            int(begins),
            self.codec.pack_body(checkpoint, metadata=merged),
            self.retention.age_ms,
            self.retention.max_checkpoints or 0,
            self.retention.interval or 0,
        ]

    def _value_arguments(
        self, place: Place, checkpoint: Checkpoint, new_versions: ChannelVersions
    ) -> tuple[list[NewList], list[Argument]]:
        versions = checkpoint["channel_versions"]
        new = {name: at for name, at in new_versions.items() if versions.get(name) == at}
        given = checkpoint["channel_values"]
        kept: tuple[list[str], list[str]] = ([], [])
        for name, at in versions.items():
            if name not in new:
                kept[name not in given].append(value_name(name, at))
        lists, values = self._values(place).new(given, new)
        args: list[Argument] = [len(kept[0]), *kept[0], len(kept[1]), *kept[1]]
        for value in values:
            args += value.name, value.record, value.large
        return lists, args

    def _values(self, place: Place) -> Values:
        return Values(self.codec, self.elements, self.recall, place.thread, place.namespace)

    def _write(
        self, name: str, config: RunnableConfig, args: Sequence[Argument]
    ) -> Generator[Request, Any, bytes]:
        keys = self.names.keys(place_of(config).thread)
        fence = fence_of(config)
        proof = ("", "")
        if fence is not None:
            keys.append(fence.key)
            proof = (fence.field, fence.token)
        reply = yield RunScript(script(name), keys, [*proof, self.retention.life_ms, *args])
        if fence is not None and reply == b"stale":
            if self.on_stale is not None:
                self.on_stale(fence)
            raise StaleToken(f"the lease of {fence.field} has another token: nothing was written")
        return cast("bytes", reply)

    def _read(
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
        checkpoint["channel_values"] = self._values(place).opened(values, lists, elements)
        return CheckpointTuple(
            config=place.config,
            checkpoint=cast("Checkpoint", checkpoint),
            metadata=metadata,
            parent_config=place.at(parent.decode()).config if parent else None,
            pending_writes=self.codec.unpack_writes(writes),
        )

    def _threads(self, config: RunnableConfig | None) -> Generator[Request, Any, list[str]]:
        """The config's thread, or every one under the prefix."""
        if config is not None:
            return [str(config["configurable"]["thread_id"])]
        found = yield FindKeys(self.names.pattern)
        return list(dict.fromkeys(self.names.thread_of(key.decode()) for key in found))

    def _places(
        self, thread: str, *, config: RunnableConfig | None, before: RunnableConfig | None
    ) -> Generator[Request, Any, list[Place]]:
        index = self.names.keys(thread)[0]
        members = yield RunCommand(("ZRANGE", index, 0, -1), index)
        return places_of(thread, members, config=config, before=before)

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
            seeds = self._values(place).opened(values, *shared)
            for write in reversed(self.codec.unpack_writes(packed)):
                if write[1] in open_channels:
                    histories[write[1]]["writes"].append(write)
            for channel, seed in seeds.items():
                histories[channel]["seed"] = seed
                open_channels.discard(channel)
        for history in histories.values():
            history["writes"].reverse()
        return histories


def _of(lists: Sequence[NewList]) -> list[Argument]:
    return [len(lists), *(argument for each in lists for argument in each.arguments())]
