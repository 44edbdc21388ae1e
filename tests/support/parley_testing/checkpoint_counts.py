"""What the checkpointer's hashes must hold: all that is counted is there, and nothing else."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import ormsgpack

_ID, _HEAD = 16, 20
_PARTS = ("index", "data", "writes", "blobs")


@dataclass(frozen=True)
class Stored:
    """A thread's four keys, as a dump of them has it."""

    index: set[bytes]
    data: dict[bytes, bytes]
    writes: dict[bytes, bytes]
    blobs: dict[bytes, bytes]

    def of(self, kind: bytes) -> dict[bytes, bytes]:
        """Those of the blobs' fields that begin with a letter, without it."""
        return {
            field[1:]: value
            for field, value in self.blobs.items()
            if field[:1] == kind and len(field) != _ID
        }

    @property
    def elements(self) -> dict[bytes, bytes]:
        return {field: value for field, value in self.blobs.items() if len(field) == _ID}

    @property
    def lists(self) -> dict[bytes, bytes]:
        return self.of(b"l")


def stored(dump: dict[bytes, Any], base: str) -> Stored:
    """Of the thread whose keys begin with `base`."""
    index, *hashes = (dump.get(f"{base}{part}".encode(), {}) for part in _PARTS)
    return Stored({member for member, _ in index}, *hashes)


def assert_nothing_is_left_over(thread: Stored) -> None:
    """Each value, list and element has exactly the users that its count says, and one at least."""
    heads = _of_members(thread.data, b"h", thread.index)
    assert set(_of_members(thread.data, b"p", thread.index)) == thread.index
    names = Counter(
        member.partition(b"\0")[0] + b"\0" + name.encode()
        for member, head in heads.items()
        for name in ormsgpack.unpackb(head)[2:]
    )
    values = {name: packed.split(b":", 1) for name, packed in thread.of(b"v").items()}
    assert {name: int(count) for name, (count, _) in values.items()} == names
    records = [record for _, record in values.values()]
    assert set(thread.of(b"b")) == {name for name, value in values.items() if value[1] == b"b"}
    users = Counter(record[1:] for record in records if record[:1] == b"l")
    users.update(content[:_ID] for content in thread.lists.values() if any(content[:_ID]))
    own = Counter(
        content[at : at + _ID]
        for content in thread.lists.values()
        for at in range(_HEAD, len(content), _ID)
    )
    assert set(thread.lists) == set(users)
    assert set(thread.elements) == set(own)
    assert {id: int(count) for id, count in thread.of(b"c").items()} == users + own
    kinds = {field[:1] for field in thread.blobs if len(field) != _ID}
    assert kinds <= {b"v", b"b", b"l", b"c"}


def _of_members(fields: dict[bytes, bytes], kind: bytes, members: set[bytes]) -> dict[bytes, bytes]:
    found = {field[1:]: value for field, value in fields.items() if field[:1] == kind}
    assert set(found) == members
    return found
