"""Channel values on their way to Redis and back: lists by their elements, all else whole."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, takewhile
from typing import TYPE_CHECKING, Any

from parley_checkpoint.codec import Codec, value_name
from parley_checkpoint.elements import Elements, element_id
from parley_checkpoint.lists import assemble, extend, own_ids
from parley_checkpoint.recall import Recall, Recalled

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from langgraph.checkpoint.base import ChannelVersions

    from parley_checkpoint.lists import Extension
    from parley_checkpoint.ports import Argument

_INLINE = 64
"""Bytes of a value that is kept beside the count of its checkpoints, and needs no field of its own.
With each put that shares it, these are written again."""

_WHOLE = 256
"""Bytes of a list that is kept whole: its elements' names and counts would be more."""

_ABSENT = b"a"
_NUMBERS = (int, float)


@dataclass(frozen=True, slots=True)
class NewValue:
    """A channel's value as a put sends it."""

    name: str
    record: bytes
    large: bytes = b""


@dataclass(frozen=True, slots=True)
class NewList:
    """A list as a put sends it, and what will be known once it is there."""

    channel: str
    recalled: Recalled
    extension: Extension
    builds_on: bytes
    """The list that must be there, as this one and its elements build on it; or nothing."""
    elements: Mapping[bytes, bytes]
    """Those that Redis may not have, by id."""

    def arguments(self) -> list[Argument]:
        args: list[Argument] = [
            self.extension.known.id,
            self.builds_on,
            self.extension.content,
            len(self.elements),
        ]
        for id, stored in self.elements.items():
            args += id, stored
        return args


@dataclass(frozen=True, slots=True)
class Values:
    """The values of one thread's namespace."""

    codec: Codec
    elements: Elements
    recall: Recall
    thread: str
    namespace: str

    def new(
        self, values: Mapping[str, Any], versions: ChannelVersions
    ) -> tuple[list[NewList], list[NewValue]]:
        """Each versioned channel's value; one without a value is kept as that."""
        lists: list[NewList] = []
        found: list[NewValue] = []
        for channel, version in versions.items():
            name = value_name(channel, version)
            if channel not in values:
                found.append(NewValue(name, _ABSENT))
                continue
            new_list = self._new_list(channel, values[channel])
            if new_list is None:
                found.append(self._whole(name, values[channel]))
            else:
                lists.append(new_list)
                found.append(NewValue(name, b"l" + new_list.extension.known.id))
        return lists, found

    def _whole(self, name: str, value: object) -> NewValue:
        packed = self.codec.pack_value(value)
        if len(packed) <= _INLINE:
            return NewValue(name, b"i" + packed)
        return NewValue(name, b"b", packed)

    def _new_list(self, channel: str, value: object) -> NewList | None:
        """Nothing if the value is better kept whole, as a vector of numbers is."""
        if type(value) is not list or all(isinstance(each, _NUMBERS) for each in value):
            return None
        clear = self.elements.clear(value)
        if sum(map(len, clear)) <= _WHOLE:
            return None
        base = self.recall.get((self.thread, self.namespace, channel))
        return self._extended(channel, clear, base)

    def _extended(self, channel: str, clear: list[bytes], base: Recalled | None) -> NewList:
        """An element that the base has keeps its id, wherever in the list it was."""
        prints = self.elements.prints(clear)
        shared = _shared(prints, base.prints) if base else 0
        ids = list(base.list.ids[:shared]) if base else []
        known = dict(zip(base.prints, base.list.ids, strict=True)) if base else {}
        new: dict[bytes, bytes] = {}
        for mark, content in zip(prints[shared:], clear[shared:], strict=True):
            if mark not in known:
                stored = self.elements.stored(content)
                known[mark] = element_id(stored)
                new[known[mark]] = stored
            ids.append(known[mark])
        extension = extend(ids, base=base.list if base else None, shared=shared)
        return NewList(
            channel,
            Recalled(extension.known, prints),
            extension,
            base.list.id if base else b"",
            new,
        )

    def opened(
        self, values: Sequence[bytes], lists: Mapping[bytes, bytes], elements: Mapping[bytes, bytes]
    ) -> dict[str, Any]:
        """The channels that have a value, from what `lua/lib/reading.lua` answers."""
        found: dict[str, Any] = {}
        for name, record, large in _each_value(values):
            channel = name.decode().rpartition("\0")[0]
            kind = record[:1]
            if kind == b"l":
                found[channel] = self._open_list(channel, record[1:], lists, elements)
            elif kind != _ABSENT:
                found[channel] = self.codec.unpack_value(large if kind == b"b" else record[1:])
        return found

    def _open_list(
        self,
        channel: str,
        id: bytes,
        lists: Mapping[bytes, bytes],
        elements: Mapping[bytes, bytes],
    ) -> list[Any]:
        known = assemble(id, lists)
        clear = [self.elements.opened(elements[each]) for each in known.ids]
        # Without a cipher the ids are what was just read.
        prints = self.elements.prints(clear) if self.elements.cipher else known.ids
        self.recall.put((self.thread, self.namespace, channel), Recalled(known, prints))
        return [self.elements.load(each) for each in clear]


def contents(
    lists: Sequence[Any], elements: Sequence[Sequence[bytes]]
) -> tuple[dict[bytes, bytes], dict[bytes, bytes]]:
    """Lists and elements by their ids, from what `lua/lib/reading.lua` answers."""
    ids: list[bytes] = []
    for content, used in zip(lists[1::3], lists[2::3], strict=True):
        ids += own_ids(content)[:used]
    return (
        dict(zip(lists[::3], lists[1::3], strict=True)),
        dict(zip(ids, chain.from_iterable(elements), strict=True)),
    )


def _each_value(values: Sequence[bytes]) -> Iterator[tuple[bytes, bytes, bytes]]:
    parts = iter(values)
    for name in parts:
        record = next(parts)
        yield name, record, next(parts) if record == b"b" else b""


def _shared(these: Sequence[bytes], those: Sequence[bytes]) -> int:
    """How many both begin with."""
    same = takewhile(lambda pair: pair[0] == pair[1], zip(these, those, strict=False))
    return sum(1 for _ in same)
