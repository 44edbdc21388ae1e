"""Which checkpointer keeps the agent's states, and what is not promised with it."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from langgraph.checkpoint.base import BaseCheckpointSaver

from parley_conversation.importing import NotImportable, imported
from parley_conversation.local_saver import LocalSaver, Newest
from parley_conversation.ports import Threads
from parley_conversation.published import open_published
from parley_conversation.threads import Saver, SaverThreads, can_forget
from parley_core.domain.errors import PermanentError
from parley_core.domain.ids import SessionId

_UNFENCED = (
    "it has no fence, so a stalled worker may still write after its lease has gone to another;"
    " CHECKPOINT_TTL, MAX_CHECKPOINTS and CHECKPOINT_INTERVAL do not apply, and threads outlive"
    " their sessions"
)
_UNMERGED = "; an attempt that is repeated may give the graph its input twice"
_UNFORGETTING = "; it cannot delete threads, so the agent remembers what users clear"
_IN_MEMORY = (
    "each worker has its own checkpoints in memory: a conversation that another worker goes on with"
    " is rebuilt from the log, a turn begins anew, and states and forks are only of what the asked"
    " worker ran"
)


class BadCheckpointer(PermanentError):
    """The configured checkpointer cannot be used; the text says why."""


@dataclass(frozen=True, slots=True)
class Checkpointing:
    """`is_ours`: the store's scripts delete its checkpoints with their session.

    `notice`: what is not promised with it, in one line; empty if everything is.
    """

    saver: Saver
    threads: Threads
    is_ours: bool = False
    notice: str = ""


@asynccontextmanager
async def open_checkpointer(
    name: str,
    *,
    ours: Callable[[], Checkpointing],
    newest: Callable[[SessionId], Awaitable[Newest]],
    redis_url: str,
    folder: Path,
) -> AsyncIterator[Checkpointing]:
    """What CHECKPOINTER names, for as long as the context lasts.

    Raises `BadCheckpointer`, and what somebody's own checkpointer raises.
    """
    match name:
        case "parley":
            yield ours()
        case "memory":
            local = LocalSaver(newest)
            yield Checkpointing(local, SaverThreads(local), notice=_IN_MEMORY)
        case "redis":
            async with open_published(redis_url) as saver:
                yield Checkpointing(saver, SaverThreads(saver), notice=_UNFENCED + _UNMERGED)
        case _:
            async with _open_named(name, folder) as saver:
                notice = _UNFENCED + ("" if can_forget(saver) else _UNFORGETTING)
                yield Checkpointing(saver, SaverThreads(saver), notice=notice)


@asynccontextmanager
async def _open_named(name: str, folder: Path) -> AsyncIterator[Saver]:
    made = await _made(name, folder)
    if isinstance(made, BaseCheckpointSaver):
        yield _checked(made, name)
    elif isinstance(made, AbstractAsyncContextManager):
        async with made as entered:
            yield _checked(entered, name)
    else:
        _checked(made, name)


async def _made(name: str, folder: Path) -> object:
    """What the attribute is, or what it makes if it is a function (of nothing, maybe async)."""
    try:
        found = imported(name, folder=folder)
    except NotImportable as error:
        raise BadCheckpointer(f"CHECKPOINTER {name}: {error}") from error
    if isinstance(found, BaseCheckpointSaver) or not callable(found):
        return found
    made: object = found()
    return await made if inspect.isawaitable(made) else made


def _checked(made: object, name: str) -> Saver:
    if not isinstance(made, BaseCheckpointSaver):
        raise BadCheckpointer(
            f"CHECKPOINTER {name}: expected a BaseCheckpointSaver, or a function or an asynchronous"
            f" context manager that makes one, got {type(made).__name__}"
        )
    if type(made).aget_tuple is BaseCheckpointSaver.aget_tuple:
        raise BadCheckpointer(
            f"CHECKPOINTER {name}: expected a checkpointer with asynchronous methods,"
            f" {type(made).__name__} has none"
        )
    return made
