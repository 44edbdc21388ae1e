"""`python -m parley_local`: what `make up` runs."""

from __future__ import annotations

import asyncio
import signal
import sys

from parley_core.domain.errors import PermanentError
from parley_core.settings import load
from parley_local.app import new_console_names, run
from parley_local.console import Console
from parley_local.settings import LocalSettings
from parley_local.supervisor import Ending


async def _run_until_told(settings: LocalSettings) -> None:
    ending = Ending()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, ending.ask)
    console = Console(sys.stdout, names=new_console_names(settings))
    await run(settings, console=console, ending=ending)


def main() -> int:
    """The exit code: 0 after an end in order, 1 with one sentence if something cannot start."""
    try:
        asyncio.run(_run_until_told(load(LocalSettings)))
    except PermanentError as error:
        print(error, file=sys.stderr)  # noqa: T201  # for the person who typed `make up`
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
