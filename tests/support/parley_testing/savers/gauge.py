"""What a stretch of work cost: wall time, this process's CPU, and what Redis says of itself."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import redis


@dataclass(frozen=True, slots=True)
class Reading:
    """What Redis had done, and had, at one moment. Seconds and bytes."""

    cpu: float = 0.0
    memory: int = 0
    received: int = 0
    scripts: int = 0
    script_seconds: float = 0.0


@dataclass(slots=True)
class Cost:
    """Of a stretch: seconds, bytes, and numbers of scripts."""

    wall: float = 0.0
    client_cpu: float = 0.0
    redis_cpu: float = 0.0
    memory: int = 0
    received: int = 0
    scripts: int = 0
    script_seconds: float = 0.0

    @property
    def cpu(self) -> float:
        """What both together took of a core."""
        return self.client_cpu + self.redis_cpu


class Gauge:
    """Measures work that uses the server at `url`; None: that uses no server."""

    def __init__(self, url: str | None) -> None:
        self._redis = redis.Redis.from_url(url) if url else None

    def close(self) -> None:
        if self._redis is not None:
            self._redis.close()

    def empty(self) -> None:
        """Delete everything, with the indexes that modules keep and the scripts."""
        if self._redis is not None:
            self._redis.flushall()
            self._redis.script_flush()

    def size_of(self, keys: Sequence[str]) -> int:
        """Bytes that keys take, all of their elements counted."""
        if self._redis is None:
            return 0
        return sum(self._redis.memory_usage(key, samples=0) or 0 for key in keys)

    @contextmanager
    def measured(self) -> Iterator[Cost]:
        """The cost of the body, filled in at its end."""
        cost, before = Cost(), self._read()
        wall, cpu = time.perf_counter(), time.process_time()
        yield cost
        cost.wall, cost.client_cpu = time.perf_counter() - wall, time.process_time() - cpu
        after = self._read()
        cost.redis_cpu = after.cpu - before.cpu
        cost.memory = after.memory - before.memory
        cost.received = after.received - before.received
        cost.scripts = after.scripts - before.scripts
        cost.script_seconds = after.script_seconds - before.script_seconds

    def _read(self) -> Reading:
        if self._redis is None:
            return Reading()
        info: dict[str, Any] = self._redis.info("everything")
        ran = [info.get(f"cmdstat_{name}", {}) for name in ("evalsha", "eval")]
        return Reading(
            cpu=info["used_cpu_user"] + info["used_cpu_sys"],
            memory=info["used_memory"] - info["mem_clients_normal"],
            received=info["total_net_input_bytes"],
            scripts=sum(each.get("calls", 0) for each in ran),
            script_seconds=sum(each.get("usec", 0) for each in ran) / 1e6,
        )


def pin() -> int | None:
    """Put this process, and what it starts from now on, on one core; its number.

    None where the system has no such call: then two cores may share the work.
    """
    if not hasattr(os, "sched_setaffinity"):
        return None
    core = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})
    return core
