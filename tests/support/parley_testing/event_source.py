"""An event stream as the HTML standard says that a browser reads it, byte by byte as it comes."""

from __future__ import annotations

import re
from codecs import IncrementalDecoder, getincrementaldecoder
from dataclasses import dataclass, field

_LINE_END = re.compile(r"\r\n|\n|\r(?=.)", re.DOTALL)
"""A CR at the end may be half of a CRLF."""


@dataclass
class Message:
    """One event that was dispatched. `last_id` is what a reconnect would send."""

    type: str
    data: str
    last_id: str


@dataclass
class EventSource:
    """The standard's parser: `feed` it what comes, `messages` is what a page was told."""

    messages: list[Message] = field(default_factory=list)
    last_id: str = ""
    retry_ms: int | None = None
    _decoder: IncrementalDecoder = field(default_factory=getincrementaldecoder("utf-8"))
    _buffer: str = ""
    _type: str = ""
    _data: list[str] = field(default_factory=list)
    _id: str = ""

    def feed(self, data: bytes) -> list[Message]:
        """Events that ended in `data`."""
        before = len(self.messages)
        self._buffer += self._decoder.decode(data)
        while end := _LINE_END.search(self._buffer):
            line, self._buffer = self._buffer[: end.start()], self._buffer[end.end() :]
            self._line(line)
        return self.messages[before:]

    def _line(self, line: str) -> None:
        if not line:
            self._dispatch()
            return
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "event":
                self._type = value
            case "data":
                self._data.append(value)
            case "id" if "\0" not in value:
                self._id = value
            case "retry" if value.isdecimal():
                self.retry_ms = int(value)

    def _dispatch(self) -> None:
        self.last_id = self._id
        if self._data:
            data = "\n".join(self._data)
            self.messages.append(Message(self._type or "message", data, self.last_id))
        self._data, self._type = [], ""
