"""Ports that nobody listens on, and that no other test on this machine has."""

from __future__ import annotations

import fcntl
import os
import tempfile
from pathlib import Path
from random import SystemRandom

from parley_core.domain.errors import PermanentError
from parley_local.ports import refuse_taken

_RANGE = range(10_000, 22_000)
"""Ports of outgoing connections begin above, also those of a Cluster's bus, which is 10,000 up."""
_given: set[int] = set()
_dice = SystemRandom()
# A byte for each port, locked until this process ends: between two processes that listen on it, a
# port is free, and another run would take it.
_locks = Path(tempfile.gettempdir(), f"parley-test-ports-{os.getuid()}").open("a+b")


def free_port() -> int:
    """A free port of 127.0.0.1 that no run of tests has, and this one has not had before."""
    while True:
        port = _dice.choice(_RANGE)
        if port in _given or not (_is_ours(port) and _is_free(port)):
            continue
        _given.add(port)
        return port


def _is_ours(port: int) -> bool:
    try:
        fcntl.lockf(_locks, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError:
        return False
    return True


def _is_free(port: int) -> bool:
    try:
        refuse_taken({port: ""}, host="127.0.0.1")
    except PermanentError:
        return False
    return True
