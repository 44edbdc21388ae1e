"""Devices that read an answer while it is written, and compare it with what is committed."""

from __future__ import annotations

import msgspec

from parley_testing.edge_bench.devices import Device
from parley_testing.edge_bench.latencies import Latencies, moment


class _Frame(msgspec.Struct):
    """What a delta or a text has."""

    type: str
    offset: int = 0
    text: str = ""
    role: str = ""
    content: str = ""


_decoder = msgspec.json.Decoder(_Frame)


class Reader(Device):
    """`torn`: deltas that did not follow the one before; `differs`: answers that are not theirs."""

    def __init__(self, *, user: str, device: str, latencies: Latencies, stamped: bool) -> None:
        """`stamped`: each delta begins with the moment when it was written."""
        super().__init__(
            user=user, device=device, latencies=latencies, capabilities=("ack", "deltas")
        )
        self.deltas = 0
        self.torn = 0
        self.differs = 0
        self.answers = 0
        self._stamped = stamped
        self._pieces: list[str] = []
        self._length = 0

    def received(self, data: bytes, start: int, end: int) -> None:
        if not self.attached.done():
            super().received(data, start, end)
            return
        self.frames += 1
        frame = _decoder.decode(data[start:end])
        if frame.type == "delta":
            self._delta(frame)
        elif frame.type == "text" and frame.role == "assistant":
            self.answers += 1
            self.differs += frame.content != "".join(self._pieces)
        elif frame.type == "error":
            self.errors.append(data[start:end].decode())

    def _delta(self, frame: _Frame) -> None:
        self.deltas += 1
        if frame.offset != self._length:
            self.torn += 1
        self._pieces.append(frame.text)
        self._length += len(frame.text)
        if self._stamped:
            self.latencies.add(moment(frame.text))
