"""What a server uses in a stretch of time, and how much others took of the core that it has."""

from __future__ import annotations

import time
from dataclasses import dataclass

from parley_testing.edge_bench import cores
from parley_testing.edge_bench.meter import busy_seconds, cpu_seconds


@dataclass(frozen=True, slots=True)
class Used:
    """Of a stretch, in seconds: the server's CPU, wall time, and what others had of its core."""

    cpu: float
    wall: float
    others: float


class Stopwatch:
    """Runs from its making."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._wall = time.perf_counter()
        self._cpu = cpu_seconds(pid)
        self._busy = _busy()

    def read(self) -> Used:
        """What was used until now."""
        cpu = cpu_seconds(self._pid) - self._cpu
        others = max(0.0, _busy() - self._busy - cpu)
        return Used(cpu, time.perf_counter() - self._wall, others)


def _busy() -> float:
    core = cores.of_server()
    return 0.0 if core is None else busy_seconds(core)
