"""`python -m parley_operator`"""

from __future__ import annotations

import asyncio
import signal
import sys

import structlog

from parley_core.domain.errors import PermanentError
from parley_core.settings import load
from parley_core.telemetry import configure_logging
from parley_operator.app import Operator
from parley_operator.settings import OperatorSettings

log = structlog.get_logger(__name__)


async def _run_until_told(settings: OperatorSettings) -> None:
    operator = Operator(settings)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, operator.stop)
    await operator.run()


def main() -> int:
    """The exit code: 0 if it was told to end, 1 if it could not start."""
    try:
        settings = load(OperatorSettings)
        configure_logging(
            service="operator", level="DEBUG" if settings.debug else settings.log_level
        )
        asyncio.run(_run_until_told(settings), debug=settings.debug)
    except PermanentError as error:
        log.critical("cannot start", reason=str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
