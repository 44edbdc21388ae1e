"""Ports that nobody listens on, and that no other test of this run has."""

from __future__ import annotations

from parley_local import ports

_given: set[int] = set()
_HIGHEST = 55_000
"""The bus of a Cluster's node takes the port 10,000 above."""


def free_port() -> int:
    """A free port of 127.0.0.1 that this run has not given away before."""
    while True:
        port = ports.free_port()
        if port not in _given and port <= _HIGHEST:
            _given.add(port)
            return port
