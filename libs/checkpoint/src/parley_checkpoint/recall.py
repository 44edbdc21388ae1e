"""Which lists this process knows Redis to have: what it read or put last of each channel."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parley_checkpoint.lists import KnownList

Channel = tuple[str, str, str]
"""Thread, namespace, channel."""

MOST_ELEMENTS = 200_000
"""Over all lists; some 100 bytes each. A list that was let go of is sent whole once."""


@dataclass(frozen=True, slots=True)
class Recalled:
    """A list, and what this process knows its elements by, in the same order."""

    list: KnownList
    prints: Sequence[bytes]


class Recall:
    """The least lately used are let go of. May be used by many threads of a process at once."""

    def __init__(self, most: int = MOST_ELEMENTS) -> None:
        self._most = most
        self._size = 0
        self._known: OrderedDict[Channel, Recalled] = OrderedDict()
        self._lock = Lock()

    def get(self, channel: Channel) -> Recalled | None:
        with self._lock:
            found = self._known.get(channel)
            if found is not None:
                self._known.move_to_end(channel)
            return found

    def put(self, channel: Channel, recalled: Recalled) -> None:
        with self._lock:
            self._remove(channel)
            self._known[channel] = recalled
            self._size += _weight(recalled)
            while self._size > self._most:
                self._remove(next(iter(self._known)))

    def forget(self, channel: Channel) -> None:
        with self._lock:
            self._remove(channel)

    def __len__(self) -> int:
        return len(self._known)

    def _remove(self, channel: Channel) -> None:
        gone = self._known.pop(channel, None)
        if gone is not None:
            self._size -= _weight(gone)


def _weight(recalled: Recalled) -> int:
    return len(recalled.prints) + 1
