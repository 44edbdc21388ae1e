"""Logs and metrics as all services make them.

A log line names what happened and where; it never holds what people wrote, nor a secret.
"""

from __future__ import annotations

import logging
import sys

import structlog
from prometheus_client import Gauge

redis_up = Gauge("parley_redis_up", "1 while this process has a connection to Redis")


def configure_logging(*, service: str, level: str) -> None:
    """One line an event on stderr: for people on a terminal, JSON elsewhere."""
    numeric = logging.getLevelNamesMapping()[level]
    is_terminal = sys.stderr.isatty()
    renderer: structlog.types.Processor = (
        structlog.dev.ConsoleRenderer() if is_terminal else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(numeric),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
    # Libraries speak up only when something is wrong.
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(name)s: %(message)s")
