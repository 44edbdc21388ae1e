"""What `make up` prints: each line with the name of the process that wrote it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from typing import TextIO

_COLOURS = (36, 33, 35, 32, 34, 96, 93)
_PLAIN = "\x1b[0m"


class Console:
    """Lines on a terminal or in a file. `names` are all that will write."""

    def __init__(self, out: TextIO, *, names: Sequence[str]) -> None:
        self._out = out
        self._width = max(map(len, names))
        is_terminal = out.isatty()
        self._colours = {
            name: f"\x1b[{_COLOURS[number % len(_COLOURS)]}m" if is_terminal else ""
            for number, name in enumerate(names)
        }

    def line(self, name: str, text: str) -> None:
        """One line of the process called `name`."""
        colour = self._colours.get(name, "")
        end = _PLAIN if colour else ""
        self.text(f"{colour}{name:<{self._width}} |{end} {text}")

    def text(self, text: str) -> None:
        """Lines of nobody: what the user should read."""
        # A terminal that was closed must not keep its processes from being ended in order.
        with suppress(OSError):
            print(text, file=self._out, flush=True)


def readable(line: str) -> str:
    """A service's JSON line as people read it; any other line as it is."""
    try:
        event = json.loads(line)
    except ValueError:
        return line
    if not isinstance(event, dict) or "event" not in event:
        return line
    head = [
        str(event.pop("timestamp", ""))[11:19],
        str(event.pop("level", "")).upper(),
        str(event.pop("event")),
    ]
    exception = event.pop("exception", "")
    event.pop("service", None)
    fields = [f"{name}={value}" for name, value in event.items()]
    return " ".join(filter(None, [*head, *fields])) + (f"\n{exception}" if exception else "")
