"""What each device sent and received, as it went over its sockets.

A history is written by the clients alone: nothing in it comes from a service, and nothing from the
SDK's own idea of what is new. It can be kept as JSON lines and judged again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec
from msgspec import Struct

from parley.connection import Observer, Way, WireEvent


class Entry(Struct, frozen=True, array_like=True):
    """One frame, or the end of a connection. `at`: seconds of the recorder's clock."""

    at: float
    connection: int
    way: Way
    data: str


class DeviceRecord(Struct, frozen=True):
    """All that one device's sockets saw, in order.

    `stayed`: it was connected at the end and had time to catch up, so it must have everything.
    """

    user_id: str
    device_id: str
    entries: tuple[Entry, ...]
    stayed: bool = True


History = tuple[DeviceRecord, ...]


class Recorder:
    """Keeps one device's record, over any number of sessions opened one after another."""

    def __init__(self, user_id: str, *, device_id: str, clock: Callable[[], float]) -> None:
        self.user_id = user_id
        self.device_id = device_id
        self._clock = clock
        self._entries: list[Entry] = []
        self._connections = 0

    def observer(self) -> Observer:
        """The `observer` of the device's next session."""
        before = self._connections

        def observe(event: WireEvent) -> None:
            number = before + event.connection
            self._connections = max(self._connections, number)
            entry = Entry(self._clock(), number, event.way, event.data.decode())
            self._entries.append(entry)

        return observe

    def record(self, *, stayed: bool = True) -> DeviceRecord:
        """What was recorded so far."""
        return DeviceRecord(self.user_id, self.device_id, tuple(self._entries), stayed)


def save(history: Iterable[DeviceRecord], *, path: Path) -> None:
    """One line a device."""
    path.write_bytes(msgspec.json.Encoder().encode_lines(history))


def load(path: Path) -> History:
    """What `save` wrote. Raises `msgspec.DecodeError`."""
    return tuple(msgspec.json.Decoder(DeviceRecord).decode_lines(path.read_bytes()))
