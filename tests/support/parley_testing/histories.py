"""Histories as correct servers would let clients record them, for tests of the judge.

A plain model of one session: a log that grows, answers that are written, devices that come and go.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

import msgspec

from parley.bench.record import DeviceRecord, Entry, History
from parley.connection import Way

SESSION = "2a-session"
EPOCH = "1000-a"


@dataclass(slots=True)
class ModelDevice:
    """A client of the model: what it recorded, and the newest log frame that it has."""

    name: str
    entries: list[Entry] = field(default_factory=list)
    connection: int = 0
    connected: bool = False
    seq: int | None = None
    clock: float = 0.0
    lossy: bool = False

    def note(self, way: Way, frame: dict[str, Any] | str) -> None:
        """Record one wire event."""
        self.clock += 1.0
        data = frame if isinstance(frame, str) else msgspec.json.encode(frame).decode()
        self.entries.append(Entry(self.clock, self.connection, way, data))


class Model:
    """One session of one user with devices. `gaps`: some resumes are not possible, and told."""

    def __init__(self, random: Random, *, devices: int, gaps: bool = False) -> None:
        self.random = random
        self.gaps = gaps
        self.log: list[dict[str, Any]] = []
        self.devices = [ModelDevice(f"device-{number}") for number in range(devices)]
        self.writing: tuple[str, int, str] | None = None
        for device in self.devices:
            self.attach(device)

    def history(self) -> History:
        """All records, after everybody has caught up."""
        for device in self.devices:
            if not device.connected:
                self.attach(device)
        return tuple(
            DeviceRecord("ada", device.name, tuple(device.entries)) for device in self.devices
        )

    def attach(self, device: ModelDevice) -> None:
        """Connect, resume if there is something to resume from, and get what was missed."""
        device.connection += 1
        device.connected = True
        auth: dict[str, Any] = {"type": "auth", "user_id": "ada", "device_id": device.name}
        seq, resumed = device.seq, device.seq is not None
        if seq is not None:
            auth["resume"] = {"epoch": EPOCH, "seq": seq} | ({"id": self.id_at(seq)} if seq else {})
        device.note(Way.SENT, auth)
        told = self.gaps and resumed and self.random.random() < 0.3
        recovered = not told and bool(resumed or self.log)
        system = self._system(recovered=recovered)
        if told or not resumed:
            system["history"] = self.log[-10:]
        device.note(Way.RECEIVED, system)
        if resumed and not told:
            for frame in self.log[device.seq or 0 :]:
                device.note(Way.RECEIVED, frame)
        device.seq = len(self.log)
        if self.writing is not None:
            turn, attempt, text = self.writing
            device.note(Way.RECEIVED, _delta(turn, attempt, 0, text))

    def cut(self, device: ModelDevice) -> None:
        """The device's socket is gone."""
        device.connected = False
        device.note(Way.CLOSED, "1006")

    def say(self, device: ModelDevice, *, ack_lost: bool = False) -> str:
        """A device says something; `ack_lost`: its socket dies before the ack and it repeats."""
        if not device.connected:
            self.attach(device)
        message_id = f"m{len(self.log) + 1}"
        said = {"type": "text", "content": "hello", "message_id": message_id, "after": device.seq}
        device.note(Way.SENT, said)
        if ack_lost:
            self.cut(device)
        frame = self._grow({"type": "text", "role": "user", "content": "hello"}, id=message_id)
        self._tell(frame, sender=device)
        ack = {"type": "ack", "message_id": message_id, "seq": frame["seq"]}
        if ack_lost:
            self.attach(device)
            device.note(Way.SENT, said)
        device.note(Way.RECEIVED, ack)
        device.seq = max(device.seq or 0, frame["seq"])
        return message_id

    def write(self, turn: str, *, attempts: int = 1) -> None:
        """The agent writes an answer, dies `attempts - 1` times in the middle, and commits."""
        content = "".join(self.random.choices("abcdefgh ", k=self.random.randint(1, 30)))
        for attempt in range(1, attempts + 1):
            self.writing = (turn, attempt, "")
            self._tell({"type": "turn", "turn_id": turn, "attempt": attempt, "status": "running"})
            end = len(content) if attempt == attempts else self.random.randint(0, len(content))
            # An attempt that dies may have been about to say something else.
            text = content if attempt == attempts else content[:end].upper()
            self._stream(turn, attempt, text[:end])
        answer = {"type": "text", "role": "assistant", "content": content, "turn_id": turn}
        self.writing = None
        self._tell(self._grow(answer, id=f"a-{turn}"))

    def fail(self, turn: str) -> None:
        """The turn ends with an error in the log."""
        error = {"type": "error", "code": "TURN_FAILED", "message": "no", "turn_id": turn}
        self._tell(self._grow(error, id=f"e-{turn}"))

    def id_at(self, seq: int) -> str:
        """The id of the event at `seq`."""
        return str(self.log[seq - 1]["message_id"])

    def _stream(self, turn: str, attempt: int, text: str) -> None:
        offset = 0
        while offset < len(text):
            end = min(len(text), offset + self.random.randint(1, 8))
            self.writing = (turn, attempt, text[:end])
            self._tell(_delta(turn, attempt, offset, text[offset:end]))
            offset = end

    def _grow(self, frame: dict[str, Any], *, id: str) -> dict[str, Any]:
        logged = frame | {"session_id": SESSION, "message_id": id, "seq": len(self.log) + 1}
        self.log.append(logged)
        return logged

    def _tell(self, frame: dict[str, Any], *, sender: ModelDevice | None = None) -> None:
        for device in self.devices:
            if device.connected and device is not sender:
                device.note(Way.RECEIVED, frame)
                device.seq = max(device.seq or 0, frame.get("seq", 0))

    def _system(self, *, recovered: bool) -> dict[str, Any]:
        top = {"epoch": EPOCH, "seq": len(self.log), "session_id": SESSION, "recovered": recovered}
        if self.log:
            top["id"] = self.id_at(len(self.log))
        return {"type": "system", **top}


def _delta(turn: str, attempt: int, offset: int, text: str) -> dict[str, Any]:
    frame = {"type": "delta", "turn_id": turn, "attempt": attempt, "offset": offset}
    return frame | {"text": text}


def correct_history(random: Random, *, gaps: bool = False) -> History:
    """A run with cuts, repeats, several attempts and failures in which every promise was kept."""
    model = Model(random, devices=random.randint(1, 3), gaps=gaps)
    waiting: list[str] = []
    for _ in range(random.randint(2, 12)):
        for device in model.devices:
            if random.random() < 0.3:
                (model.cut if device.connected else model.attach)(device)
        if waiting and random.random() < 0.6:
            turn = waiting.pop(0)
            if random.random() < 0.2:
                model.fail(turn)
            else:
                model.write(turn, attempts=random.randint(1, 3))
        else:
            waiting.append(model.say(random.choice(model.devices), ack_lost=random.random() < 0.3))
    for turn in waiting:
        model.write(turn)
    return model.history()
