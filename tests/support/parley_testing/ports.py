"""Ports that nobody listens on, and that no other test of this run has."""

from __future__ import annotations

from random import SystemRandom

from parley_core.domain.errors import PermanentError
from parley_local.ports import refuse_taken

_RANGE = range(10_000, 22_000)
"""Ports of outgoing connections begin above, also those of a Cluster's bus, which is 10,000 up."""
_given: set[int] = set()
_dice = SystemRandom()


def free_port() -> int:
    """A free port of 127.0.0.1 that this run has not given away before."""
    while True:
        # Any of them: several runs share this machine.
        port = _dice.choice(_RANGE)
        if port in _given or not _is_free(port):
            continue
        _given.add(port)
        return port


def _is_free(port: int) -> bool:
    try:
        refuse_taken({port: ""}, host="127.0.0.1")
    except PermanentError:
        return False
    return True
