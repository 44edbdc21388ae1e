"""Repeating a call of the store while Redis is away."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from parley_core.domain.errors import Unavailable

FIRST = 0.05
"""Seconds before the first repeat; the pause doubles up to `LONGEST`."""
LONGEST = 1.0
"""Seconds: after Redis is back, a run goes on within this time."""

Reply = TypeVar("Reply")


async def until_answered(
    call: Callable[[], Awaitable[Reply]], *, is_over: Callable[[], bool]
) -> Reply:
    """The reply to `call`, which is repeated as it was until Redis answers.

    A repeat is harmless by the store's contract, so an absence of Redis pauses a run at its next
    write and costs it nothing. Raises the last `Unavailable` once `is_over`.
    """
    pause = FIRST
    while True:
        try:
            return await call()
        except Unavailable as error:
            if is_over():
                raise
            await asyncio.sleep(max(error.delay, pause))
            pause = min(LONGEST, 2 * pause)
