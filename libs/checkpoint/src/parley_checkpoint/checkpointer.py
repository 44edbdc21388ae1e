"""LangGraph's checkpointer over an `Executor`: one script for each operation."""

from __future__ import annotations

from contextlib import asynccontextmanager
from secrets import token_hex
from typing import TYPE_CHECKING, Any, TypedDict, Unpack, cast

from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    get_checkpoint_metadata,
)
from redis.asyncio import Redis, RedisCluster

from parley_checkpoint.codec import Codec, value_name, value_names
from parley_checkpoint.fence import Fence, StaleToken, fence_of
from parley_checkpoint.keys import Names, Tag, own_tag
from parley_checkpoint.listing import find_threads, places_of
from parley_checkpoint.place import Place, place_of
from parley_checkpoint.redis_py import Client, RedisPyExecutor, connect
from parley_checkpoint.retention import Retention
from parley_checkpoint.scripts import script

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from langchain_core.runnables import RunnableConfig
    from langgraph.checkpoint.serde.base import SerializerProtocol

    from parley_checkpoint.ports import Argument, Executor

_PAGE = 16
"""Checkpoints that `alist` reads in one round trip."""


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


class AsyncRedisCheckpointer(BaseCheckpointSaver[str]):
    """Keeps a thread's checkpoints in four keys that share a hash tag.

    Every operation is atomic and may be repeated. With a `Fence` in the run's `configurable`, a put
    or writes under another token raises `StaleToken` and changes nothing. What the executor raises
    goes through.
    """

    def __init__(self, client: Executor | Client, **options: Unpack[Options]) -> None:
        super().__init__(serde=options.get("serde"))
        self._executor: Executor = (
            RedisPyExecutor(client) if isinstance(client, Redis | RedisCluster) else client
        )
        self._names = Names(options.get("prefix", "parley"), options.get("tag", own_tag))
        self._retention = options.get("retention", Retention())
        self._on_stale = options.get("on_stale")

    @classmethod
    @asynccontextmanager
    async def from_conn_string(
        cls, url: str, **options: Unpack[Options]
    ) -> AsyncIterator[AsyncRedisCheckpointer]:
        """One with a connection of its own to the server or Cluster at `url`."""
        client = await connect(url)
        try:
            yield cls(client, **options)
        finally:
            await client.aclose()

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Store a checkpoint and let go of older ones. Raises `StaleToken`."""
        place = place_of(config)
        merged = get_checkpoint_metadata(config, metadata)
        versions = checkpoint["channel_versions"]
        names = value_names(place.namespace, versions)
        begins = not place.namespace and merged.get("source") == "input"
        needs_parent = bool(merged.get("counters_since_delta_snapshot"))
        await self._write(
            "checkpoint",
            config,
            [
                place.namespace,
                checkpoint["id"],
                (place.checkpoint or "") if needs_parent else "",
                str(merged.get("run_id") or ""),
                int(begins),
                self._codec.pack_body(checkpoint, metadata=merged, parent=place.checkpoint),
                self._retention.age_ms,
                self._retention.max_checkpoints or 0,
                self._retention.interval or 0,
                len(names),
                *names,
                *self._new_values(place.namespace, checkpoint, new_versions),
            ],
        )
        return place.at(checkpoint["id"]).config

    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Keep what a task wrote; the first of a (task, index) stays. Raises `StaleToken`."""
        place = place_of(config)
        if place.checkpoint is None:
            raise ValueError("expected a checkpoint_id to keep writes with")
        args: list[Argument] = [place.namespace, place.checkpoint]
        for name, replaces, packed in self._codec.pack_writes(writes, task=task_id, path=task_path):
            args += (name, int(replaces), packed)
        await self._write("writes", config, args)

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """The checkpoint a config points at, the newest without an id: one round trip."""
        found = await self._read([place_of(config)])
        return found[0] if found else None

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """Newest first within each namespace. Without a config all threads, found by a scan."""
        wanted = (filter or {}).items()
        left = limit
        async for found in self._matching(config, before):
            if left is not None and left <= 0:
                return
            metadata = cast("dict[str, Any]", found.metadata)
            if all(metadata.get(key) == value for key, value in wanted):
                yield found
                left = None if left is None else left - 1

    async def adelete_thread(self, thread_id: str) -> None:
        """Forget a thread. There is no fence here: it is for whoever may end the conversation."""
        keys = self._names.keys(thread_id)
        await self._executor.command("UNLINK", *keys, key=keys[0])

    def get_next_version(self, current: str | None, channel: None) -> str:  # noqa: ARG002 (deprecated)
        """Grows with each change; random at its end, so that no two branches share a value."""
        count = 0 if current is None else int(str(current).partition(".")[0])
        return f"{count + 1:010}.{token_hex(4)}"

    @property
    def _codec(self) -> Codec:
        # LangGraph copies a saver to give it another serializer.
        return Codec(self.serde)

    def _new_values(
        self, namespace: str, checkpoint: Checkpoint, new_versions: ChannelVersions
    ) -> list[Argument]:
        versions = checkpoint["channel_versions"]
        new = {name: at for name, at in new_versions.items() if versions.get(name) == at}
        packed = self._codec.pack_values(checkpoint["channel_values"], versions=new)
        args: list[Argument] = []
        for channel, value in packed.items():
            args += (value_name(namespace, channel, new[channel]), value)
        return args

    async def _write(self, name: str, config: RunnableConfig, args: Sequence[Argument]) -> None:
        keys = self._names.keys(place_of(config).thread)
        fence = fence_of(config)
        proof = ("", "")
        if fence is not None:
            keys.append(fence.key)
            proof = (fence.field, fence.token)
        reply = await self._executor.script(
            script(name), keys, [*proof, self._retention.life_ms, *args]
        )
        if fence is not None and reply == b"stale":
            if self._on_stale is not None:
                self._on_stale(fence)
            raise StaleToken(f"the lease of {fence.field} has another token: nothing was written")

    async def _read(self, places: Sequence[Place]) -> list[CheckpointTuple]:
        """Those of the places, all of one thread, that hold a checkpoint."""
        wanted = [part for place in places for part in (place.namespace, place.checkpoint or "")]
        renews = int(self._retention.age_ms > 0)
        keys = self._names.keys(places[0].thread)
        replies = await self._executor.script(script("read"), keys, [renews, *wanted])
        return [
            self._tuple(place.at(reply[0].decode()), *reply[1:])
            for place, reply in zip(places, replies, strict=True)
            if reply is not None
        ]

    def _tuple(
        self, place: Place, body: bytes, values: Sequence[bytes | None], writes: Sequence[bytes]
    ) -> CheckpointTuple:
        checkpoint, metadata, parent = self._codec.unpack_body(body)
        checkpoint["channel_values"] = self._codec.unpack_values(
            values, versions=checkpoint["channel_versions"]
        )
        return CheckpointTuple(
            config=place.config,
            checkpoint=checkpoint,
            metadata=metadata,
            parent_config=place.at(parent).config if parent else None,
            pending_writes=self._codec.unpack_writes(writes),
        )

    async def _matching(
        self, config: RunnableConfig | None, before: RunnableConfig | None
    ) -> AsyncIterator[CheckpointTuple]:
        """Everything at the config and before the other, a page at a time."""
        threads = find_threads(self._executor, self._names, config)
        async for thread in threads:
            index = self._names.keys(thread)[0]
            members = await self._executor.command("ZRANGE", index, 0, -1, key=index)
            places = places_of(thread, members, config=config, before=before)
            for start in range(0, len(places), _PAGE):
                for found in await self._read(places[start : start + _PAGE]):
                    yield found
