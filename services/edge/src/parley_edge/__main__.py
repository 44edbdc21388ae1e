"""`python -m parley_edge`"""

from __future__ import annotations

import asyncio
import signal
import sys

import structlog
import uvloop

from parley_core.domain.errors import PermanentError
from parley_core.settings import load
from parley_core.telemetry import configure_logging
from parley_edge.app import run
from parley_edge.settings import EdgeSettings

log = structlog.get_logger(__name__)


async def _run_until_told(settings: EdgeSettings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await run(settings, stop=stop)


def main() -> int:
    """The exit code: 0 after a drain, 1 if it could not start."""
    try:
        settings = load(EdgeSettings)
        configure_logging(service="edge", level="DEBUG" if settings.debug else settings.log_level)
        uvloop.run(_run_until_told(settings), debug=settings.debug)
    except PermanentError as error:
        log.critical("cannot start", reason=str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
