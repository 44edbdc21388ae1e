"""Keeping a duty going whatever happens to one of its steps."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from parley_core.domain.errors import TemporaryError, Unavailable

_log = structlog.get_logger(__name__)

_AFTER_A_FAULT = 1.0
"""Seconds: the least pause after a step that failed."""


async def supervise(
    step: Callable[[], Awaitable[object]], *, name: str, every: float, stopping: asyncio.Event
) -> None:
    """Supervisor: take a step each `every` seconds until `stopping`; a step that began ends.

    A failure is logged when it begins and when it is over, and the next step tries again.
    """
    failed: type[Exception] | None = None
    while not stopping.is_set():
        rest = every
        try:
            await step()
        except Exception as error:  # noqa: BLE001 - a duty outlives every fault
            rest = max(every, _AFTER_A_FAULT)
            if failed is not type(error):
                _report(error, duty=name)
            failed = type(error)
        else:
            if failed is not None:
                _log.info("duty goes on", duty=name)
            failed = None
        await pause(rest, until=stopping)


async def until_it_works(
    step: Callable[[], Awaitable[object]], *, name: str, stopping: asyncio.Event
) -> bool:
    """Repeat a step for as long as Redis is away; False if `stopping` came first."""
    while not stopping.is_set():
        try:
            await step()
        except Unavailable as error:
            _report(error, duty=name)
            await pause(max(error.delay, _AFTER_A_FAULT), until=stopping)
        else:
            return True
    return False


def _report(error: Exception, *, duty: str) -> None:
    """What passes is a sentence; anything else is a bug and comes with its traceback."""
    is_bug = not isinstance(error, TemporaryError)
    _log.warning("duty fails", duty=duty, error=str(error), exc_info=error if is_bug else None)


async def pause(seconds: float | None, *, until: asyncio.Event) -> bool:
    """Wait `until` that is set, for so long at most; whether it was."""
    try:
        async with asyncio.timeout(seconds):
            await until.wait()
    except TimeoutError:
        return False
    return True
