"""Ports of tests."""

from __future__ import annotations

import subprocess
import sys

from parley_testing.ports import free_port

_DRAW = """
import sys
from parley_testing import ports
taken, free = map(int, sys.argv[1:])
ports._RANGE = [taken] * 50 + [free]
print(ports.free_port())
"""


def test_a_port_is_no_other_process_s_before_anybody_listens_on_it() -> None:
    taken = free_port()
    free = taken % 10_000 + 22_000  # Outside of what is drawn from.

    drawn = subprocess.run(
        [sys.executable, "-c", _DRAW, str(taken), str(free)],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        check=True,
        text=True,
        timeout=20,
    ).stdout

    assert int(drawn) == free
