"""The lines that begin with a slash."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from parley.cli.screen import Screen
from parley.session import Session

HELP = (
    "/history  /topic NAME  /cancel  /sessions  /new  /switch SESSION  /clear  /quit  /help\n"
    "Everything else is said to the agent."
)

Handler = Callable[[Session, Screen, str], Awaitable[None]]


async def run_command(line: str, *, session: Session, screen: Screen) -> None:
    """Do what `line` asks for. Raises what the session raises."""
    name, _, argument = line.partition(" ")
    handler = _HANDLERS.get(name)
    if handler is None:
        screen.say(f"There is no command {name}. {HELP}", style="red")
    else:
        await handler(session, screen, argument.strip())


async def _history(session: Session, screen: Screen, _argument: str) -> None:
    frames, has_more = await session.history(limit=50)
    if has_more:
        screen.say("...", style="dim")
    for frame in frames:
        screen.recall(frame)


async def _topic(session: Session, screen: Screen, argument: str) -> None:
    if not argument:
        screen.say("Which topic? /topic NAME", style="red")
        return
    await session.switch_topic(argument)


async def _sessions(session: Session, screen: Screen, _argument: str) -> None:
    for entry in await session.sessions():
        mark = "*" if entry.session_id == session.session_id else " "
        topic = entry.topic or ""
        screen.say(f"{mark} {entry.session_id}  {entry.last_active}  {entry.seq} events  {topic}")


async def _new(session: Session, _screen: Screen, _argument: str) -> None:
    await session.new_session()


async def _switch(session: Session, screen: Screen, argument: str) -> None:
    if not argument:
        screen.say("Which session? /switch SESSION; /sessions lists them.", style="red")
        return
    await session.switch_session(argument)


async def _clear(session: Session, _screen: Screen, _argument: str) -> None:
    await session.clear()


async def _cancel(session: Session, _screen: Screen, _argument: str) -> None:
    await session.cancel()


async def _help(_session: Session, screen: Screen, _argument: str) -> None:
    screen.say(HELP)


_HANDLERS: dict[str, Handler] = {
    "/history": _history,
    "/topic": _topic,
    "/sessions": _sessions,
    "/new": _new,
    "/switch": _switch,
    "/clear": _clear,
    "/cancel": _cancel,
    "/help": _help,
}
