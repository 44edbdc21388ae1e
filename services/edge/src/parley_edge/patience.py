"""Calls that are repeated until Redis answers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from parley_core.domain.backoff import backoff
from parley_core.domain.errors import Unavailable

Reply = TypeVar("Reply")


async def until_answered(
    call: Callable[[], Awaitable[Reply]], *, is_over: Callable[[], bool]
) -> Reply | None:
    """The reply, however long Redis is away; None once nobody wants it any more."""
    failures = 0
    while not is_over():
        try:
            return await call()
        except Unavailable as error:
            failures += 1
            await asyncio.sleep(max(error.delay, backoff(failures, roll=1.0)))
    return None
