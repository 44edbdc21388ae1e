"""How a list is kept: as another list's beginning and the ids of the elements that follow.

Most lists grow at their end, so a version of one costs what was added. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from parley_checkpoint.elements import ID_SIZE

NO_LIST = bytes(ID_SIZE)
_HEAD = ID_SIZE + 4

REPEATED = 8
"""A list of fewer own elements is not built on; its elements are named again. So following a list
of n elements to its beginning takes n / 8 steps, and a put names half as many that it could not."""

_SPARE = 32
"""A list may follow twice as many ids as it has elements, and so many more, before it names all of
its own again: lists that are edited far from their end would grow for ever otherwise."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a list: its elements from `start` on are own ones of the list `id`."""

    id: bytes
    start: int
    own: int
    """How many own elements that list has; a later one may keep fewer."""


@dataclass(frozen=True, slots=True)
class KnownList:
    """A list that Redis has, as far as this process knows."""

    id: bytes
    ids: Sequence[bytes]
    """Of its elements."""
    segments: Sequence[Segment]
    """From its beginning on; one at least, even if there are no elements."""


@dataclass(frozen=True, slots=True)
class Extension:
    """A list to be put."""

    known: KnownList
    content: bytes
    """In the layout of `lua/lib/layout.lua`."""


def extend(ids: Sequence[bytes], *, base: KnownList | None, shared: int) -> Extension:
    """The list of these elements, the first `shared` of which are the first ones of `base`.

    If Redis has a list of these elements, `content` must not take its place: it may build on that
    very list.
    """
    segments = _kept(base, shared) if base is not None else []
    kept = 0
    if segments:
        last = segments[-1]
        if shared - last.start < REPEATED:
            segments.pop()
            kept = last.start
        else:
            kept = shared
    weight = sum(each.own for each in segments) + len(ids) - kept
    if weight > 2 * len(ids) + _SPARE:
        segments, kept = [], 0
    id = list_id(ids)
    parent = segments[-1].id if segments else NO_LIST
    segments.append(Segment(id, kept, len(ids) - kept))
    content = b"".join((parent, kept.to_bytes(4, "big"), *ids[kept:]))
    return Extension(KnownList(id, ids, segments), content)


def _kept(base: KnownList, shared: int) -> list[Segment]:
    return [each for each in base.segments if each.start < shared]


def list_id(ids: Sequence[bytes]) -> bytes:
    """A list is known by its elements, however it is kept."""
    return blake2b(b"".join(ids), digest_size=ID_SIZE, person=b"list").digest()


def assemble(id: bytes, contents: Mapping[bytes, bytes]) -> KnownList:
    """The list, from its content and that of the lists it follows."""
    segments: list[Segment] = []
    parts: list[list[bytes]] = []
    following, length = id, None
    while following != NO_LIST:
        content = contents[following]
        start = int.from_bytes(content[ID_SIZE:_HEAD], "big")
        own = own_ids(content)
        # One may be of another beginning than its writer knew, and have no part here.
        if length is None or start < length:
            segments.append(Segment(following, start, len(own)))
            parts.append(own if length is None else own[: length - start])
            length = start
        following = content[:ID_SIZE]
    segments.reverse()
    ids = tuple(each for part in reversed(parts) for each in part)
    return KnownList(id, ids, segments)


def own_ids(content: bytes) -> list[bytes]:
    """Of the elements that follow the list that this one begins as."""
    return [content[at : at + ID_SIZE] for at in range(_HEAD, len(content), ID_SIZE)]
