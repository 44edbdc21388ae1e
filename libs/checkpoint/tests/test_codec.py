"""What Redis keeps is what the serializer made, and comes back as it was."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.serde.base import CipherProtocol
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from parley_checkpoint import AsyncRedisCheckpointer
from parley_checkpoint.codec import Codec
from parley_checkpoint.redis_py import Client

CODEC = Codec(JsonPlusSerializer())
SECRET = "nobody but the two of us"


class Xor(CipherProtocol):
    """Hides a text from a reader of dumps, no more."""

    def encrypt(self, plaintext: bytes) -> tuple[str, bytes]:
        return "xor", bytes(byte ^ 0x5A for byte in plaintext)

    def decrypt(self, ciphername: str, ciphertext: bytes) -> bytes:
        assert ciphername == "xor"
        return bytes(byte ^ 0x5A for byte in ciphertext)


def test_writes_come_in_the_order_in_which_they_are_applied() -> None:
    written = [
        CODEC.pack_writes([("a", 1), ("b", 2)], task="task-1", path="~pull, z"),
        CODEC.pack_writes([("a", 3)], task="task-3", path="~pull, y"),
        CODEC.pack_writes([("a", 4)], task="task-2", path="~pull, y"),
    ]

    packed = [write.packed for task in written for write in task]

    assert CODEC.unpack_writes(packed) == [
        ("task-2", "a", 4),
        ("task-3", "a", 3),
        ("task-1", "a", 1),
        ("task-1", "b", 2),
    ]


def test_only_the_special_channels_replace_what_was_written() -> None:
    special = ["__error__", "__scheduled__", "__interrupt__", "__resume__"]

    writes = CODEC.pack_writes(
        [(channel, None) for channel in ["messages", *special]], task="task", path=""
    )

    assert [write.replaces for write in writes] == [False, True, True, True, True]
    assert [write.name for write in writes] == [
        f"task\0{index}" for index in ("0", "-1", "-2", "-3", "-4")
    ]


def test_a_channel_without_a_value_is_not_a_channel_with_none() -> None:
    versions: dict[str, str | int | float] = {"none": "1", "absent": "1"}

    packed = CODEC.pack_values({"none": None}, versions=versions)

    values = [packed["absent"], packed["none"]]
    assert CODEC.unpack_values(values, versions=versions) == {"none": None}


async def test_a_cipher_covers_all_that_is_said(
    redis: Client, prefix: str, dump: Callable[[], Awaitable[dict[bytes, Any]]]
) -> None:
    serde = EncryptedSerializer(Xor(), JsonPlusSerializer())
    checkpointer = AsyncRedisCheckpointer(redis, prefix=prefix, serde=serde)
    checkpoint = empty_checkpoint()
    checkpoint["channel_values"] = {"messages": [SECRET]}
    checkpoint["channel_versions"] = {"messages": "1"}

    place = await checkpointer.aput(
        {"configurable": {"thread_id": "thread", "note": SECRET}}, checkpoint, {}, {"messages": "1"}
    )
    await checkpointer.aput_writes(place, [("messages", SECRET)], "task")

    found = await checkpointer.aget_tuple(place)
    assert found is not None
    assert found.checkpoint["channel_values"] == {"messages": [SECRET]}
    assert found.pending_writes == [("task", "messages", SECRET)]
    assert SECRET not in repr(await dump())
