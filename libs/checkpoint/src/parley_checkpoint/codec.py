"""Checkpoints and writes as the bytes that Redis keeps. The scripts look into none of them."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import ormsgpack
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    Checkpoint,
    CheckpointMetadata,
    PendingWrite,
    writes_sort_key,
)

from parley_checkpoint.elements import pack, unpack

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from langgraph.checkpoint.serde.base import SerializerProtocol

_NAMED = ("v", "ts", "channel_versions", "versions_seen", "updated_channels")
"""Keys of a checkpoint that are kept by their place. Its id is its name, its values are apart."""
_APART = {*_NAMED, "id", "channel_values"}

_WRITE = struct.Struct(">hI")
"""Index and length of a write."""


class Body(NamedTuple):
    """A checkpoint without its id and its channel values."""

    checkpoint: dict[str, Any]
    metadata: CheckpointMetadata


@dataclass(frozen=True, slots=True)
class Codec:
    """Packs with LangGraph's serializer, so that a cipher or an allowlist given there holds."""

    serde: SerializerProtocol

    def pack_body(self, checkpoint: Checkpoint, *, metadata: CheckpointMetadata) -> bytes:
        named = [checkpoint.get(key) for key in _NAMED]
        rest: dict[str, Any] = {
            key: value for key, value in checkpoint.items() if key not in _APART
        }
        absent = [key for key in _NAMED if key not in checkpoint]
        return self.pack_value((named, rest, absent, metadata))

    def unpack_body(self, packed: bytes) -> Body:
        named, rest, absent, metadata = self.unpack_value(packed)
        checkpoint = dict(zip(_NAMED, named, strict=True)) | rest
        for key in absent:
            del checkpoint[key]
        return Body(checkpoint, cast("CheckpointMetadata", metadata))

    def pack_value(self, value: object) -> bytes:
        return pack(self.serde.dumps_typed(value))

    def unpack_value(self, packed: bytes) -> Any:
        return self.serde.loads_typed(unpack(packed))

    def pack_writes(self, writes: Sequence[tuple[str, Any]], *, path: str) -> bytes:
        """What one task wrote, in the layout of `lua/lib/layout.lua`.

        Of two writes to a special channel the last one stays.
        """
        packed: dict[int, bytes] = {}
        for position, (channel, value) in enumerate(writes):
            index = WRITES_IDX_MAP.get(channel, position)
            packed[index] = ormsgpack.packb((path, channel, self.pack_value(value)))
        return b"".join(
            part
            for index, write in packed.items()
            for part in (_WRITE.pack(index, len(write)), write)
        )

    def unpack_writes(self, packed: Sequence[bytes]) -> list[PendingWrite]:
        """Task and writes in a row, in the order in which live execution applies them."""
        writes = [
            ((path, task.decode(), index), channel, value)
            for task, written in zip(packed[::2], packed[1::2], strict=True)
            for index, (path, channel, value) in _each_write(written)
        ]
        writes.sort(key=lambda write: writes_sort_key(*write[0]))
        return [(key[1], channel, self.unpack_value(value)) for key, channel, value in writes]


def _each_write(packed: bytes) -> Iterator[tuple[int, tuple[str, str, bytes]]]:
    at = 0
    while at < len(packed):
        index, length = _WRITE.unpack_from(packed, at)
        at += _WRITE.size
        yield index, ormsgpack.unpackb(packed[at : at + length])
        at += length


def value_name(channel: str, version: str | float) -> str:
    """A channel value's name in its namespace: one for each version."""
    return f"{channel}\0{version}"
