"""LangGraph's operations on a checkpointer, without the waiting: see `requests`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from langgraph.checkpoint.base import get_checkpoint_metadata
from ormsgpack import packb

from parley_checkpoint.codec import value_name
from parley_checkpoint.fence import Fence, StaleToken, fence_of
from parley_checkpoint.place import Place, place_of
from parley_checkpoint.reading import PAGE, Reading
from parley_checkpoint.requests import Request, RunCommand, RunScript, Steps
from parley_checkpoint.scripts import script

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from langchain_core.runnables import RunnableConfig
    from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata

    from parley_checkpoint.ports import Argument
    from parley_checkpoint.values import NewList


@dataclass(frozen=True, slots=True)
class Operations(Reading):
    """With those that write: all a checkpointer can do."""

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

    def delete_thread(self, thread_id: str) -> Steps[None]:
        keys = self.names.keys(thread_id)
        yield RunCommand(("UNLINK", *keys), keys[0])

    def delete_for_runs(self, run_ids: Sequence[str]) -> Steps[None]:
        if not run_ids:
            return
        threads = yield from self.threads(None)
        for thread in threads:
            places = yield from self.places(thread, config=None, before=None)
            members: list[Argument] = []
            for start in range(0, len(places), PAGE):
                page = yield from self.read(places[start : start + PAGE], only_bodies=True)
                members += [
                    place_of(each.config).member
                    for each in page
                    if each.metadata.get("run_id") in run_ids
                ]
            if members:
                yield RunScript(script("forget"), self.names.keys(thread), members)

    def copy_thread(self, source: str, target: str, *, until: str | None) -> Steps[None]:
        if until is not None:
            found = yield from self.read([Place(source, "", until)], only_bodies=True)
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
                yield RunScript(script("keep_newest"), self.names.keys(thread), [])

    def rewind(self, config: RunnableConfig) -> Steps[None]:
        yield from self._write("rewind", config, [place_of(config).checkpoint or ""])

    def _put_arguments(
        self, config: RunnableConfig, checkpoint: Checkpoint, metadata: CheckpointMetadata
    ) -> list[Argument]:
        place = place_of(config)
        merged = get_checkpoint_metadata(config, metadata)
        begins = not place.namespace and merged.get("source") == "input"
        rebuilt = merged.get("counters_since_delta_snapshot") if place.checkpoint else None
        return [
            place.namespace,
            checkpoint["id"],
            place.checkpoint or "",
            packb([*(rebuilt or ())]),
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
        lists, values = self.values(place).new(given, new)
        args: list[Argument] = [len(kept[0]), *kept[0], len(kept[1]), *kept[1]]
        for value in values:
            args += value.name, value.record, value.large
        return lists, args

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


def _of(lists: Sequence[NewList]) -> list[Argument]:
    return [len(lists), *(argument for each in lists for argument in each.arguments())]
