"""With a cipher that makes other bytes each time, lists are shared and nothing is told."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from hashlib import blake2b
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.serde.base import CipherProtocol
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from parley_checkpoint import AsyncRedisCheckpointer
from parley_checkpoint.elements import element_id, elements_of
from parley_checkpoint.redis_py import Client
from parley_testing.checkpoint_counts import stored

SECRET = "nobody but the two of us " * 20


class Pad(CipherProtocol):
    """A text under a new nonce each time. It hides from a reader of dumps, no more."""

    def encrypt(self, plaintext: bytes) -> tuple[str, bytes]:
        nonce = secrets.token_bytes(16)
        return "pad", nonce + _xor(plaintext, nonce)

    def decrypt(self, ciphername: str, ciphertext: bytes) -> bytes:
        assert ciphername == "pad"
        return _xor(ciphertext[16:], ciphertext[:16])


def _xor(text: bytes, nonce: bytes) -> bytes:
    stream = blake2b(b"a key", key=nonce).digest() * (len(text) // 64 + 1)
    return bytes(one ^ other for one, other in zip(text, stream, strict=False))


class Opaque(JsonPlusSerializer):
    """A serializer that has a cipher and does not say so."""

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        kind, data = super().dumps_typed(obj)
        return kind, Pad().encrypt(data)[1]

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        return super().loads_typed((data[0], Pad().decrypt("pad", data[1])))


def _serde() -> EncryptedSerializer:
    return EncryptedSerializer(Pad(), JsonPlusSerializer())


async def _put(checkpointer: AsyncRedisCheckpointer, messages: list[Any]) -> None:
    checkpoint = empty_checkpoint()
    checkpoint["channel_values"] = {"messages": messages}
    checkpoint["channel_versions"] = {"messages": checkpoint["id"]}
    versions = {"messages": checkpoint["id"]}
    config: Any = {"configurable": {"thread_id": "thread", "note": SECRET}}
    place = await checkpointer.aput(config, checkpoint, {}, versions)  # type: ignore[arg-type]
    await checkpointer.aput_writes(place, [("messages", [SECRET])], "task")


async def _read(checkpointer: AsyncRedisCheckpointer) -> list[Any]:
    found = await checkpointer.aget_tuple({"configurable": {"thread_id": "thread"}})
    assert found is not None
    messages: list[Any] = found.checkpoint["channel_values"]["messages"]
    return messages


async def test_a_process_that_read_a_list_adds_to_it_what_is_new(
    redis: Client, prefix: str, dump: Callable[[], Awaitable[dict[bytes, Any]]]
) -> None:
    messages = [HumanMessage(SECRET, id=str(number)) for number in range(20)]
    await _put(AsyncRedisCheckpointer(redis, prefix=prefix, serde=_serde()), messages)
    other = AsyncRedisCheckpointer(redis, prefix=prefix, serde=_serde())

    read = await _read(other)
    await _put(other, [*read, HumanMessage("more", id="more")])

    assert await _read(other) == [*messages, HumanMessage("more", id="more")]
    thread = stored(await dump(), f"{prefix}:{{thread}}:ckpt:thread:")
    assert len(thread.elements) == 21


async def test_redis_is_told_neither_a_text_nor_a_hash_that_a_guess_could_be_tried_on(
    redis: Client, prefix: str, dump: Callable[[], Awaitable[dict[bytes, Any]]]
) -> None:
    await _put(AsyncRedisCheckpointer(redis, prefix=prefix, serde=_serde()), [SECRET, "x" * 300])

    thread = stored(await dump(), f"{prefix}:{{thread}}:ckpt:thread:")

    assert SECRET not in repr(thread)
    assert set(thread.elements) == {element_id(each) for each in thread.elements.values()}
    clear = elements_of(_serde(), key=b"").clear([SECRET, "x" * 300])
    assert not {element_id(each) for each in clear} & set(thread.elements)


async def test_prints_of_two_processes_have_nothing_in_common(redis: Client) -> None:
    one, other = (
        AsyncRedisCheckpointer(redis, serde=_serde())._operations.elements for _ in range(2)
    )

    clear = one.clear([SECRET])

    assert one.prints(clear) == one.prints(clear)
    assert one.prints(clear) != other.prints(clear)


async def test_a_list_from_before_there_was_a_cipher_is_read_and_gone_on_with(
    redis: Client, prefix: str
) -> None:
    await _put(AsyncRedisCheckpointer(redis, prefix=prefix), [SECRET] * 3)
    other = AsyncRedisCheckpointer(redis, prefix=prefix, serde=_serde())

    read = await _read(other)
    await _put(other, [*read, "more" * 100])

    assert await _read(other) == [SECRET, SECRET, SECRET, "more" * 100]


@pytest.mark.parametrize("count", [1, 20])
async def test_a_cipher_that_is_not_known_of_costs_more_and_does_no_harm(
    redis: Client, prefix: str, count: int
) -> None:
    checkpointer = AsyncRedisCheckpointer(redis, prefix=prefix, serde=Opaque())
    messages = [f"{number} {SECRET}" for number in range(count)]

    await _put(checkpointer, messages)
    await _put(checkpointer, [*messages, "more"])

    assert await _read(checkpointer) == [*messages, "more"]
