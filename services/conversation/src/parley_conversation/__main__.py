"""`python -m parley_conversation`"""

from __future__ import annotations

import asyncio
import gc
import signal
import sys

import structlog
import uvloop

from parley_conversation.app import build
from parley_conversation.settings import ConversationSettings
from parley_core.domain.errors import PermanentError
from parley_core.settings import load
from parley_core.telemetry import configure_logging

log = structlog.get_logger(__name__)


async def _run_until_told(settings: ConversationSettings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    service = await build(settings)
    # What is there now stays for good: looking through all of LangChain's modules again and again
    # for garbage would stop every turn for a tenth of a second.
    gc.collect()
    gc.freeze()
    await service.run(stop)


def main() -> int:
    """The exit code: 0 after a drain, 1 if it could not start."""
    try:
        settings = load(ConversationSettings)
        configure_logging(
            service="conversation", level="DEBUG" if settings.debug else settings.log_level
        )
        uvloop.run(_run_until_told(settings), debug=settings.debug)
    except PermanentError as error:
        log.critical("cannot start", reason=str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
