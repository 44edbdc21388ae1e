"""What a service's log looks like, seen from outside its process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from typing import Any

_SET_UP = """
import logging
import structlog
from parley_core.telemetry import configure_logging

configure_logging(service="edge", level="INFO")
log = structlog.get_logger("parley_edge")
"""


def lines_of(program: str) -> list[dict[str, Any]]:
    """What a program writes to stderr after it configured its log."""
    done = subprocess.run(
        [sys.executable, "-c", _SET_UP + textwrap.dedent(program)],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    assert done.stdout == ""
    return [json.loads(line) for line in done.stderr.splitlines()]


def test_an_event_is_one_line_of_json_with_its_service_level_and_time() -> None:
    (line,) = lines_of('log.info("serving", port=8765)')

    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "serving", "level": "info", "service": "edge", "port": 8765}


def test_a_failure_is_one_line_with_its_traceback() -> None:
    (line,) = lines_of(
        """
        try:
            1 / 0
        except ZeroDivisionError:
            log.exception("it broke")
        """
    )

    assert line["event"] == "it broke"
    assert "ZeroDivisionError" in line["exception"]


def test_what_is_below_the_level_is_not_written() -> None:
    assert lines_of('log.debug("a step")') == []


def test_libraries_log_in_the_same_form_when_something_is_wrong() -> None:
    lines = lines_of(
        """
        logging.getLogger("asyncio").info("all is well")
        logging.getLogger("asyncio").error("Task exception was never retrieved")
        """
    )

    (line,) = lines
    assert (line["logger"], line["service"]) == ("asyncio", "edge")
    assert line["event"] == "Task exception was never retrieved"


def test_secrets_and_what_people_wrote_are_hidden_should_somebody_log_them() -> None:
    (line,) = lines_of('log.warning("odd", token="hunter2", content="hello", url="redis://:pw@x")')

    assert (line["token"], line["content"], line["url"]) == ("(hidden)",) * 3


def test_a_service_goes_on_when_nobody_reads_its_log() -> None:
    reader, writer = os.pipe()
    os.close(reader)

    done = subprocess.run(
        [sys.executable, "-c", _SET_UP + 'log.info("heard?"); print("goes on")'],
        stdout=subprocess.PIPE,
        stderr=writer,
        text=True,
        check=True,
        timeout=30,
    )

    os.close(writer)
    assert done.stdout == "goes on\n"
