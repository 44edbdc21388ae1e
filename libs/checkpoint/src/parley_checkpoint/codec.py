"""Checkpoints and writes as the bytes that Redis keeps. The scripts look into none of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import ormsgpack
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    Checkpoint,
    CheckpointMetadata,
    PendingWrite,
    writes_sort_key,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from langgraph.checkpoint.base import ChannelVersions
    from langgraph.checkpoint.serde.base import SerializerProtocol

_ABSENT = ("empty", b"")
"""A channel that has a version and no value."""


class Body(NamedTuple):
    """A checkpoint without its channel values."""

    checkpoint: Checkpoint
    metadata: CheckpointMetadata
    parent: str | None


class Write(NamedTuple):
    """One write on its way to Redis."""

    name: str
    replaces: bool
    packed: bytes


@dataclass(frozen=True, slots=True)
class Codec:
    """Packs with LangGraph's serializer, so that a cipher or an allowlist given there holds."""

    serde: SerializerProtocol

    def pack_body(
        self, checkpoint: Checkpoint, *, metadata: CheckpointMetadata, parent: str | None
    ) -> bytes:
        body = {key: value for key, value in checkpoint.items() if key != "channel_values"}
        return ormsgpack.packb(
            (parent, *self.serde.dumps_typed(body), *self.serde.dumps_typed(metadata))
        )

    def unpack_body(self, packed: bytes) -> Body:
        parent, kind, body, metadata_kind, metadata = ormsgpack.unpackb(packed)
        return Body(
            self.serde.loads_typed((kind, body)),
            self.serde.loads_typed((metadata_kind, metadata)),
            parent,
        )

    def pack_values(
        self, values: Mapping[str, Any], *, versions: ChannelVersions
    ) -> dict[str, bytes]:
        """Each versioned channel's value; one without a value is kept as that."""
        return {
            channel: ormsgpack.packb(
                self.serde.dumps_typed(values[channel]) if channel in values else _ABSENT
            )
            for channel in versions
        }

    def unpack_values(
        self, packed: Sequence[bytes | None], *, versions: ChannelVersions
    ) -> dict[str, Any]:
        """The channels that have a value; `packed` is in the order of `value_names`."""
        typed = {
            channel: tuple(ormsgpack.unpackb(value))
            for channel, value in zip(sorted(versions), packed, strict=True)
            if value is not None
        }
        return {
            channel: self.serde.loads_typed(value)
            for channel, value in typed.items()
            if value != _ABSENT
        }

    def pack_writes(
        self, writes: Sequence[tuple[str, Any]], *, task: str, path: str
    ) -> list[Write]:
        return [
            self._pack_write(channel, value, task=task, path=path, position=position)
            for position, (channel, value) in enumerate(writes)
        ]

    def _pack_write(
        self, channel: str, value: object, *, task: str, path: str, position: int
    ) -> Write:
        index = WRITES_IDX_MAP.get(channel, position)
        packed = ormsgpack.packb((path, task, index, channel, *self.serde.dumps_typed(value)))
        return Write(f"{task}\0{index}", index < 0, packed)

    def unpack_writes(self, packed: Sequence[bytes]) -> list[PendingWrite]:
        """In the order in which live execution applies them."""
        writes = [ormsgpack.unpackb(write) for write in packed]
        writes.sort(key=lambda write: writes_sort_key(*write[:3]))
        return [
            (task, channel, self.serde.loads_typed((kind, value)))
            for _, task, _, channel, kind, value in writes
        ]


def value_name(namespace: str, channel: str, version: str | float) -> str:
    """A channel value's name among the thread's: one for each version."""
    return f"{namespace}\0{channel}\0{version}"


def value_names(namespace: str, versions: ChannelVersions) -> list[str]:
    """The names of all values of a checkpoint, by channel."""
    return [value_name(namespace, channel, versions[channel]) for channel in sorted(versions)]
