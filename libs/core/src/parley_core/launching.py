"""A service's process, from its settings to its exit code."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import structlog

from parley_core.domain.errors import PermanentError
from parley_core.settings import ServiceSettings, load
from parley_core.telemetry import configure_logging

_log = structlog.get_logger(__name__)

AnySettings = TypeVar("AnySettings", bound=ServiceSettings)
Run = Callable[[AnySettings, asyncio.Event], Coroutine[Any, Any, None]]
"""Serves until the event is set, and ends in order. Raises `PermanentError` if it cannot start."""


def launch(
    service: str,
    settings: type[AnySettings],
    run: Run[AnySettings],
    *,
    runner: Callable[..., None] = asyncio.run,
) -> int:
    """Run a service until SIGTERM or SIGINT. The exit code: 1 if it could not start, in one line.

    `runner` is `asyncio.run`, or does the same on another loop.
    """
    configure_logging(service=service, level="INFO")
    try:
        given = load(settings)
        configure_logging(service=service, level="DEBUG" if given.debug else given.log_level)
        runner(_until_told(run, given), debug=given.debug)
    except PermanentError as error:
        _log.critical("cannot start", reason=str(error))
        return 1
    return 0


async def _until_told(run: Run[AnySettings], settings: AnySettings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await run(settings, stop)
