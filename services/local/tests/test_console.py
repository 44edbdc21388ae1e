"""Lines as people read them."""

from __future__ import annotations

import json
from io import StringIO

import pytest

from parley_local.console import Console, readable


class Terminal(StringIO):
    """A file that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_each_line_begins_with_its_process_and_all_align() -> None:
    out = StringIO()
    console = Console(out, names=["up", "worker-1"])

    console.line("up", "hello")
    console.line("worker-1", "there")

    assert out.getvalue() == "up       | hello\nworker-1 | there\n"


def test_on_a_terminal_each_process_has_its_colour() -> None:
    out = Terminal()
    console = Console(out, names=["up", "edge-1"])

    console.line("up", "a")
    console.line("edge-1", "b")

    first, second = out.getvalue().splitlines()
    assert first == "\x1b[36mup     |\x1b[0m a"
    assert second == "\x1b[33medge-1 |\x1b[0m b"


SERVED = {
    "event": "served",
    "level": "info",
    "timestamp": "2030-01-02T03:04:05.678Z",
    "service": "edge",
    "port": 1,
}


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (
            json.dumps(SERVED),
            "03:04:05 INFO served port=1",
        ),
        ('{"event": "broke", "exception": "Traceback\\n  x"}', "broke\nTraceback\n  x"),
        ("Traceback (most recent call last):", "Traceback (most recent call last):"),
        ('{"no": "event"}', '{"no": "event"}'),
        ("[1, 2]", "[1, 2]"),
        ("", ""),
    ],
)
def test_json_is_told_in_words_and_anything_else_is_left(line: str, shown: str) -> None:
    assert readable(line) == shown
