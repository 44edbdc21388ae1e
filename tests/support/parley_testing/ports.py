"""Ports that nobody listens on, and that no other test of this run has."""

from __future__ import annotations

from collections.abc import Iterator
from random import SystemRandom

from parley_local import ports

_RANGE = range(10_000, 22_000)
"""Ports of outgoing connections begin above, also those of a Cluster's bus, which is 10,000 up."""
_given: set[int] = set()
_dice = SystemRandom()


def free_port() -> int:
    """A free port of 127.0.0.1 that this run has not given away before."""
    port = ports.free_port(_candidates())
    _given.add(port)
    return port


def _candidates() -> Iterator[int]:
    """In any order: several runs share this machine."""
    left = [port for port in _RANGE if port not in _given]
    _dice.shuffle(left)
    return iter(left)
