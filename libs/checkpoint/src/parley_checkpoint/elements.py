"""Values as the bytes that Redis keeps, and elements of lists as it and this process know them."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import ormsgpack
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer

if TYPE_CHECKING:
    from langgraph.checkpoint.serde.base import CipherProtocol, SerializerProtocol

ID_SIZE = 16
"""Bytes of a hash: two contents of one thread share it once in 2**64 contents."""

_LETTERS = {"msgpack": b"m", "null": b"n", "bytes": b"b", "bytearray": b"a"}
_KINDS = {letter[0]: kind for kind, letter in _LETTERS.items()}
_OTHER = b"?"


def pack(typed: tuple[str, bytes]) -> bytes:
    """What a serializer made as one text, with a letter for its usual kinds."""
    kind, data = typed
    letter = _LETTERS.get(kind)
    return _OTHER + ormsgpack.packb((kind, data)) if letter is None else letter + data


def unpack(packed: bytes) -> tuple[str, bytes]:
    """The other way."""
    if packed[:1] == _OTHER:
        kind, data = ormsgpack.unpackb(packed[1:])
        return kind, data
    return _KINDS[packed[0]], packed[1:]


@dataclass(frozen=True, slots=True)
class Elements:
    """Elements have an id, which Redis knows them by, and a print, which this process knows.

    The id is the hash of what Redis keeps, so it tells Redis nothing that it does not have. Without
    a cipher the print is the same. A cipher makes other bytes of one content each time; then the
    print is a hash of the clear bytes under a key that never leaves this process, and an element
    that a list had when it was read or put keeps the id that it had. So a reader of Redis learns
    the lengths of elements and which place of a list changed when, and no hash of a clear text that
    a guess could be tried on.

    A serializer that hides its cipher from us works too; each put then stores all elements anew.
    """

    serde: SerializerProtocol
    """Of the clear bytes."""
    cipher: CipherProtocol | None
    key: bytes
    """Of the prints, if there is a cipher. At most 64 bytes, random, of this process alone."""

    def clear(self, values: list[Any]) -> list[bytes]:
        """Each value's clear bytes."""
        return [pack(self.serde.dumps_typed(value)) for value in values]

    def prints(self, clear: list[bytes]) -> list[bytes]:
        if self.cipher is None:
            return [element_id(each) for each in clear]
        return [blake2b(each, digest_size=ID_SIZE, key=self.key).digest() for each in clear]

    def stored(self, clear: bytes) -> bytes:
        """What Redis keeps of an element."""
        if self.cipher is None:
            return clear
        kind, data = unpack(clear)
        name, sealed = self.cipher.encrypt(data)
        return pack((f"{kind}+{name}", sealed))

    def opened(self, stored: bytes) -> bytes:
        """The clear bytes of what Redis keeps."""
        if self.cipher is None:
            return stored
        kind, data = unpack(stored)
        kind, is_sealed, name = kind.partition("+")
        return pack((kind, self.cipher.decrypt(name, data))) if is_sealed else stored

    def load(self, clear: bytes) -> Any:
        return self.serde.loads_typed(unpack(clear))


def elements_of(serde: SerializerProtocol, *, key: bytes) -> Elements:
    """With the cipher that the serializer has, if it is LangGraph's."""
    if isinstance(serde, EncryptedSerializer):
        return Elements(serde.serde, serde.cipher, key)
    return Elements(serde, None, key)


def element_id(stored: bytes) -> bytes:
    """What Redis knows an element by."""
    return blake2b(stored, digest_size=ID_SIZE, person=b"element").digest()
