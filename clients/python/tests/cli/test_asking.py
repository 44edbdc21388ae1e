"""`parley chat` with an agent that asks."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from parley_testing.stack import Stack

PARLEY = Path(sys.executable).with_name("parley")
WITHIN = 30.0


class Terminal:
    """A running `parley chat`, to write lines to and to wait for what it says."""

    def __init__(self, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [PARLEY, "chat", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        self._lines: list[str] = []
        self._news = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def write(self, line: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    async def says(self, text: str) -> None:
        """Wait for a line with `text`."""
        await asyncio.to_thread(self._wait_for, text)

    def _wait_for(self, text: str) -> None:
        with self._news:
            said = self._news.wait_for(
                lambda: any(text in line for line in self._lines), timeout=WITHIN
            )
            assert said, self._lines

    async def end(self) -> int:
        self.write("/quit")
        code = await asyncio.to_thread(self._process.wait, WITHIN)
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe
            pipe.close()
        return code

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            with self._news:
                self._lines.append(line)
                self._news.notify_all()


@pytest.mark.timeout(120)
async def test_a_line_answers_what_the_agent_asks_and_a_command_stops_it(tmp_path: Path) -> None:
    env = {"PARLEY_GRAPH": "parley_testing.graphs:questions"}
    async with Stack(tmp_path, edges=1, workers=1, env=env) as stack:
        chat = Terminal("--url", stack.url, "--user", "ada", "--device", "terminal")

        chat.write("go")
        await chat.says("agent asks: a")
        for answer in ("one", "two", "three"):
            chat.write(answer)
        await chat.says("c: three")
        chat.write("again")
        await chat.says("agent asks: c")
        chat.write("/cancel")
        chat.write("/history")
        await chat.says("terminal: again")

        assert await chat.end() == 0
