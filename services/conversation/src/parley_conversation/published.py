"""The checkpointer of the package langgraph-checkpoint-redis, if that is installed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib import import_module
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from redis.exceptions import RedisError

from parley_core.domain.errors import PermanentError, Unavailable
from parley_core.redis.wire import ask, parse_url

_NEEDED = {"JSON.SET": "JSON", "FT.CREATE": "Search"}
"""A command of each module that it needs."""
_WITHIN = 15.0
"""Seconds that Redis has to answer at the start."""


class NotUsable(PermanentError):
    """The published checkpointer cannot be used here; the text says what it lacks."""


@asynccontextmanager
async def open_published(url: str) -> AsyncIterator[BaseCheckpointSaver[Any]]:
    """Its asynchronous saver on the Redis at `url`, under its own keys. Raises `NotUsable`."""
    saver_type = _saver_type()
    await check_modules(url)
    async with AsyncExitStack() as stack:
        try:
            saver = await stack.enter_async_context(saver_type.from_conn_string(url))
        except RedisError as error:
            raise NotUsable(f"CHECKPOINTER redis: it cannot begin: {error}") from error
        yield saver


def _saver_type() -> Any:
    try:
        return import_module("langgraph.checkpoint.redis.aio").AsyncRedisSaver
    except ImportError as error:
        raise NotUsable(
            "CHECKPOINTER redis: the package langgraph-checkpoint-redis is needed and not"
            f" installed ({error})."
        ) from error


async def check_modules(url: str) -> None:
    """Raises `NotUsable` if the Redis at `url` lacks one, or does not answer."""
    address, access = parse_url(url, name="parley-checkpointer")
    try:
        (found,) = await ask(address, access, ("COMMAND", "INFO", *_NEEDED), within=_WITHIN)
    except Unavailable as error:
        raise NotUsable(f"CHECKPOINTER redis: {error}") from error
    missing = [name for name, command in zip(_NEEDED.values(), found, strict=True) if not command]
    if missing:
        raise NotUsable(
            f"CHECKPOINTER redis: the Redis at {address} lacks {' and '.join(missing)}: use one"
            " with these modules (Redis 8, Redis Stack), or CHECKPOINTER parley."
        )
