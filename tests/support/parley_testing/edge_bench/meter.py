"""What a process uses, read from /proc: CPU with all threads and children, memory, files."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def family(pid: int) -> list[int]:
    """The process and all that came from it."""
    found = [pid]
    for each in found:
        found.extend(_children(each))
    return found


def _children(pid: int) -> Iterator[int]:
    for thread in _threads(pid):
        yield from map(int, (thread / "children").read_text().split())


def _threads(pid: int) -> Iterator[Path]:
    return Path(f"/proc/{pid}/task").iterdir()


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far, its children's included, also of dead ones."""
    return sum(_own_cpu(each) for each in family(pid))


def _own_cpu(pid: int) -> float:
    # The name in parentheses may have blanks; the times are the 14th to 17th field.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / _TICKS


def memory(pid: int) -> int:
    """Bytes of a process and its children: PSS, in which shared pages count once for all."""
    return sum(_pss(each) for each in family(pid))


def _pss(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise ValueError(f"no PSS is told of process {pid}")


def open_files(pid: int) -> int:
    """Descriptors of the process itself."""
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


def waited_seconds(pid: int) -> float:
    """How long its living threads were ready to run, and another process had their core."""
    threads = [thread for each in family(pid) for thread in _threads(each)]
    return sum(int((each / "schedstat").read_text().split()[1]) for each in threads) / 1e9


@dataclass(frozen=True, slots=True)
class Used:
    """Of a stretch, in seconds: CPU, wall time, and the time that others took of its core."""

    cpu: float
    wall: float
    waited: float


class Stopwatch:
    """Runs from its making."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._wall = time.perf_counter()
        self._cpu = cpu_seconds(pid)
        self._waited = waited_seconds(pid)

    def read(self) -> Used:
        """What was used until now."""
        return Used(
            cpu=cpu_seconds(self._pid) - self._cpu,
            wall=time.perf_counter() - self._wall,
            waited=waited_seconds(self._pid) - self._waited,
        )
