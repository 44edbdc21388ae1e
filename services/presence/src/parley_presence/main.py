"""One process of the presence service, from its settings to its exit code."""

from __future__ import annotations

import asyncio
import signal
import sys

from parley_core.domain.errors import PermanentError
from parley_core.settings import load
from parley_core.telemetry import configure_logging
from parley_presence.app import PresenceService
from parley_presence.settings import PresenceSettings


def main() -> None:
    """Run until SIGTERM or SIGINT; what cannot work is one sentence and exit code 1."""
    try:
        settings = load(PresenceSettings)
        configure_logging(
            service="presence", level="DEBUG" if settings.debug else settings.log_level
        )
        asyncio.run(_run(settings), debug=settings.debug)
    except PermanentError as error:
        sys.exit(str(error))


async def _run(settings: PresenceSettings) -> None:
    service = PresenceService(settings)
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signal_number, service.stop)
    await service.run()
