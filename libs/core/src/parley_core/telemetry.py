"""Logs and metrics as all services make them.

A log line names what happened and where; it never holds what people wrote, nor a secret.
"""

from __future__ import annotations

import logging
import sys
from contextlib import suppress
from typing import TextIO, cast

import structlog
from prometheus_client import Gauge
from structlog.types import EventDict, Processor, WrappedLogger

redis_up = Gauge("parley_redis_up", "1 while this process has a connection to Redis")
redis_info = Gauge("parley_redis_info", "1 for the version of Redis at this start", ["version"])

_NEVER_SHOWN = frozenset({"authorization", "content", "frame", "password", "text", "token", "url"})


class _Stderr:
    """stderr, whose reader may be gone: nobody listens any more, and the service goes on."""

    def write(self, text: str) -> None:
        with suppress(OSError):
            sys.stderr.write(text)

    def flush(self) -> None:
        with suppress(OSError):
            sys.stderr.flush()


def configure_logging(*, service: str, level: str) -> None:
    """One line an event on stderr: for people on a terminal, JSON elsewhere."""
    structlog.configure(
        processors=[*_shared(), *_rendered()],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", _Stderr())),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
    # Libraries log in the same form, and speak up only when something is wrong.
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.add_logger_name, *_shared()],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_rendered()],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)


def _shared() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _without_secrets,
    ]


def _rendered() -> list[Processor]:
    if sys.stderr.isatty():
        return [structlog.dev.ConsoleRenderer()]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]


def _without_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The last line of defence: nothing should be logged under these names."""
    return {name: "(hidden)" if name in _NEVER_SHOWN else value for name, value in event.items()}
