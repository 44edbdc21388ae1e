"""`parley chat`: a conversation on the terminal, or line by line from a pipe."""

from __future__ import annotations

import asyncio
import getpass
import socket
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Annotated

import typer
from rich.console import Console

import parley
from parley.cli.chat_commands import HELP, run_command
from parley.cli.options import URL, Url
from parley.cli.screen import Screen
from parley.session import Session
from parley_core.domain import server_frames as wire

ANSWER = 60.0
"""Seconds for which the end of a pipe waits for the last answer."""


def chat(
    url: Url = URL,
    *,
    user: Annotated[str, typer.Option(help="Who you are.")] = getpass.getuser(),
    device: Annotated[str, typer.Option(help="This device's name.")] = socket.gethostname(),
    session: Annotated[str | None, typer.Option(help="A session other than the current.")] = None,
) -> None:
    """Talk to the agent. /help lists the commands."""
    screen = Screen(Console(highlight=False), own_device=device)
    try:
        asyncio.run(_chat(url, user=user, device=device, session_id=session, screen=screen))
    except (parley.Refused, parley.Ended, parley.Lost) as error:
        screen.say(str(error), style="red")
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


async def _chat(
    url: str, *, user: str, device: str, session_id: str | None, screen: Screen
) -> None:
    async with parley.connect(
        url,
        user_id=user,
        device_id=device,
        session_id=session_id,
        on_status=screen.status,
    ) as session:
        if sys.stdin.isatty():
            screen.say(HELP, style="dim")
        conversation = Conversation(session, screen)
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(conversation.watch())
            await conversation.read_lines()
            watching.cancel()


class Conversation:
    """Reads lines, says them, and shows what comes back."""

    def __init__(self, session: Session, screen: Screen) -> None:
        self._session = session
        self._screen = screen
        self._open_turns: set[str] = set()
        self._questions: list[str] = []
        """Interrupts that wait for an answer, the one that was asked first in front."""
        self._quiet = asyncio.Condition()

    async def watch(self) -> None:
        """Show every event until cancelled."""
        async for event in self._session:
            self._screen.show(event)
            match event:
                case wire.Text(turn_id=str(turn)) | wire.Error(seq=int(), turn_id=str(turn)):
                    self._questions.clear()
                    await self._end(turn)
                case wire.InputRequest():
                    self._questions = [each.interrupt_id for each in event.interrupts]

    async def read_lines(self) -> None:
        """Say each line of standard input; at its end wait for the answers."""
        async for line in _lines():
            text = line.strip()
            if text == "/quit":
                return
            if text:
                await self._take(text)
        with suppress(TimeoutError):
            async with asyncio.timeout(ANSWER), self._quiet:
                await self._quiet.wait_for(lambda: not self._open_turns)

    async def _take(self, text: str) -> None:
        try:
            if text.startswith("/"):
                await run_command(text, session=self._session, screen=self._screen)
            elif self._questions:
                await self._session.answer(self._questions.pop(0), value=text)
            else:
                await self._say(text)
        except (parley.Refused, parley.Unacknowledged) as error:
            self._screen.say(str(error), style="red")

    async def _say(self, text: str) -> None:
        message_id = parley.new_id()
        self._open_turns.add(message_id)
        try:
            await self._session.send(text, message_id=message_id)
        except (parley.Refused, parley.Unacknowledged):
            self._open_turns.discard(message_id)
            raise

    async def _end(self, turn: str) -> None:
        async with self._quiet:
            self._open_turns.discard(turn)
            self._quiet.notify_all()


async def _lines() -> AsyncIterator[str]:
    """Standard input line by line.

    A thread reads it: a terminal, a file and a pipe are alike to it, and a daemon does not keep
    the program from ending while it waits for a line. One line at most waits to be taken.
    """
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[str | None] = asyncio.Queue(1)

    def read() -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody wants the line any more
            for line in sys.stdin:
                asyncio.run_coroutine_threadsafe(queue.put(line), loop).result()
            asyncio.run_coroutine_threadsafe(queue.put(None), loop).result()

    threading.Thread(target=read, daemon=True).start()
    while (line := await queue.get()) is not None:
        yield line
