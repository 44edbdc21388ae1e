"""What Redis keeps is what the serializer made, and comes back as it was."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
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
    written = {
        b"task-1": CODEC.pack_writes([("a", 1), ("b", 2)], path="~pull, z"),
        b"task-3": CODEC.pack_writes([("a", 3)], path="~pull, y"),
        b"task-2": CODEC.pack_writes([("a", 4)], path="~pull, y"),
    }

    packed = [part for task in written.items() for part in task]

    assert CODEC.unpack_writes(packed) == [
        ("task-2", "a", 4),
        ("task-3", "a", 3),
        ("task-1", "a", 1),
        ("task-1", "b", 2),
    ]


def test_special_channels_have_their_own_places_and_the_last_write_to_one_stays() -> None:
    special = ["__error__", "__scheduled__", "__interrupt__", "__resume__"]

    packed = CODEC.pack_writes(
        [("messages", 1), *((channel, 1) for channel in special), ("__resume__", 2)], path=""
    )

    assert CODEC.unpack_writes([b"task", packed]) == [
        ("task", "__resume__", 2),
        ("task", "__interrupt__", 1),
        ("task", "__scheduled__", 1),
        ("task", "__error__", 1),
        ("task", "messages", 1),
    ]


@pytest.mark.parametrize("value", [None, b"\0", bytearray(b"?"), "text", [1], {"a": (1, 2)}])
def test_a_value_of_any_kind_comes_back(value: object) -> None:
    back = CODEC.unpack_value(CODEC.pack_value(value))

    assert back == ({"a": [1, 2]} if isinstance(value, dict) else value)
    assert type(back) is type(value)


def test_a_kind_that_only_the_serializer_knows_comes_back() -> None:
    class Odd(JsonPlusSerializer):
        def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
            return "odd", super().dumps_typed(obj)[1]

        def loads_typed(self, data: tuple[str, bytes]) -> Any:
            assert data[0] == "odd"
            return super().loads_typed(("msgpack", data[1]))

    codec = Codec(Odd())

    assert codec.unpack_value(codec.pack_value("text")) == "text"


def test_a_body_keeps_what_it_has_and_has_not() -> None:
    checkpoint = {"v": 4, "ts": "now", "channel_versions": {"a": 1, "b": "2.x", "c": 1.5}}
    checkpoint |= {"id": "1f", "channel_values": {"a": 1}, "later": "unknown"}

    body = CODEC.unpack_body(CODEC.pack_body(checkpoint, metadata={"step": 1}))  # type: ignore[arg-type]

    assert body.metadata == {"step": 1}
    assert body.checkpoint == {
        key: value for key, value in checkpoint.items() if key not in {"id", "channel_values"}
    }


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
