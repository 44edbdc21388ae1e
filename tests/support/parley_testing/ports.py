"""Ports that nobody listens on."""

from __future__ import annotations

import socket

_given: set[int] = set()


def free_port() -> int:
    """A free port of 127.0.0.1 that this run has not given away before."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        # A Cluster's bus takes the port 10,000 above.
        if port not in _given and port <= 55_000:
            _given.add(port)
            return port
