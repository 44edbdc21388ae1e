"""What a process uses, read from /proc: CPU with all threads and children, memory, files."""

from __future__ import annotations

import os
from collections.abc import Iterator
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


def busy_seconds(core: int) -> float:
    """For how long a core has worked since the machine started, for whoever it was."""
    for line in Path("/proc/stat").read_text().splitlines():
        name, *ticks = line.split()
        if name == f"cpu{core}":
            # user, nice, system, idle, iowait, irq, softirq, steal; the rest is in user and nice
            return sum(int(ticks[index]) for index in (0, 1, 2, 5, 6, 7)) / _TICKS
    raise ValueError(f"the system does not know a core {core}")
