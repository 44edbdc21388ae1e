"""Repeating what may work later."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from parley_core.domain.errors import TemporaryError
from parley_operator import metrics

log = structlog.get_logger(__name__)

Answer = TypeVar("Answer")

_LEAST = 0.2
_MOST = 5.0
"""Seconds between two tries: the first repeat is soon, for what was only a moment."""


async def patiently(step: Callable[[], Awaitable[Answer]], *, name: str, within: float) -> Answer:
    """Repeat a step that may be repeated. Raises `TemporaryError` after `within` seconds."""
    clock = asyncio.get_running_loop().time
    limit, pause = clock() + within, _LEAST
    while True:
        try:
            return await step()
        except TemporaryError as error:
            pause = max(pause, error.delay)
            if clock() + pause > limit:
                raise
            metrics.RETRIES.labels(name).inc()
            log.info("again", step=name, reason=str(error))
        await asyncio.sleep(pause)
        pause = min(_MOST, pause * 2)
