"""Ports: whether somebody has them, and one that nobody has."""

from __future__ import annotations

import fcntl
import os
import socket
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from parley_core.domain.errors import PermanentError


def refuse_taken(ports: Mapping[int, str], *, host: str) -> None:
    """Raises `PermanentError` for a port of `ports` (port → setting) that another program has.

    Two of our edges share a port on purpose, so none of them would notice a stranger on it.
    """
    for port, setting in ports.items():
        try:
            _listener(host, port).close()
        except OSError as error:
            raise PermanentError(
                f"Port {port} cannot be used ({error.strerror}): stop the program that has it,"
                f" or set {setting} to another port."
            ) from error


@dataclass(frozen=True, slots=True)
class ReservedPort:
    """A port that no other `make up` of this machine takes, its server running or not.

    Between the death of a server and its next start anybody may listen on its port. Another
    `make up` would, and would be given the conversations of this one.
    """

    port: int
    descriptor: int

    def release(self) -> None:
        os.close(self.descriptor)


def reserve_port(candidates: Iterable[int]) -> ReservedPort:
    """The first of some ports of 127.0.0.1 that nobody has. Raises `PermanentError` without one.

    The candidates should be below those that the system gives to outgoing connections (32768 on
    Linux): a client that tries and tries to reach a dead server up there may end up connected to
    itself, and then the server cannot have its port back.
    """
    for port in candidates:
        with suppress(OSError):
            return _reserved(port)
    raise PermanentError("No port of 127.0.0.1 is free for Redis: set REDIS_URL to one that runs.")


def _reserved(port: int) -> ReservedPort:
    """Raises `OSError` if somebody listens there, or has it reserved."""
    lock = Path(tempfile.gettempdir(), f"parley-port-{port}.lock")
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _listener("127.0.0.1", port).close()
    except OSError:
        os.close(descriptor)
        raise
    return ReservedPort(port, descriptor)


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    # As the services do: connections of the last run that linger do not hold the port.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    return listener
