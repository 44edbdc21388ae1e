"""The server under test has a core of its own; the load, its Redis and whoever else share another.

Where the system cannot do that, all share what there is, and the output says so.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from parley_testing.edge_bench.meter import family


def _cores() -> set[int]:
    return os.sched_getaffinity(0) if hasattr(os, "sched_setaffinity") else set()


_ALL = _cores()
_SERVER = {max(_ALL)} if len(_ALL) > 1 else _ALL


def for_server(pid: int) -> None:
    """Put a server under test, with all its threads and children, on its core."""
    _pin(pid, _SERVER)


def for_load(pids: Iterable[int] = ()) -> None:
    """Put this process and these on the other cores."""
    for pid in (os.getpid(), *pids):
        _pin(pid, _ALL - _SERVER)


def anywhere(pids: Iterable[int]) -> None:
    """Let these run on any core: for loads that are too much for the others alone."""
    for pid in pids:
        _pin(pid, _ALL)


def of_server() -> int | None:
    """The core that a server under test has; None if it shares them all."""
    return max(_SERVER) if len(_ALL) > 1 else None


def sentence() -> str:
    """What was done, for the output."""
    if len(_ALL) < 2:  # one for the server and one for the load
        return "all processes share one core: CPU seconds count, latencies do not"
    load = ", ".join(map(str, sorted(_ALL - _SERVER)))
    return f"server alone on core {max(_SERVER)}; load, Redis and others on core {load}"


def _pin(pid: int, cores: set[int]) -> None:
    if len(_ALL) < 2:
        return
    for process in family(pid):
        for thread in Path(f"/proc/{process}/task").iterdir():
            os.sched_setaffinity(int(thread.name), cores)
