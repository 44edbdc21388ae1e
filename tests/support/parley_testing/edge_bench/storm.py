"""One of two edges is killed: everybody who was on it comes to the other at once."""

from __future__ import annotations

import asyncio
import signal
import time
from dataclasses import dataclass

from parley_testing.edge_bench.contender import EDGE
from parley_testing.edge_bench.crowd import Crowd, crowd_on_first
from parley_testing.edge_bench.figures import Aim, Report
from parley_testing.edge_bench.latencies import percentile
from parley_testing.edge_bench.pace import until, without_collector
from parley_testing.edge_bench.stopwatch import Stopwatch
from parley_testing.processes import ServiceProcess

ALMOST_ALL_S = Aim(most=1.5)
CPU_US = Aim(most=450)
_RESUMED_WITHIN = 30.0
_CALM = 3.0
"""Seconds of talk before and after."""


@dataclass(frozen=True, slots=True)
class Storm:
    """`connections`, two of each user; `active` of them say something each second."""

    connections: int = 2000
    active: int = 200


async def storm(size: Storm) -> Report:
    """All connections are on the edge that is killed."""
    report = Report(
        "storm",
        f"{size.connections} connections, {size.active} of them talking, on one of two edges, which"
        " is killed; CPU: of the other one until all have resumed, what is said meanwhile included",
    )
    async with crowd_on_first(connections=size.connections, active=size.active) as (
        crowd,
        first,
        second,
    ):
        with without_collector():
            async with crowd.talking(report):
                await asyncio.sleep(_CALM)
                await _kill(first, second, crowd, report)
                await asyncio.sleep(_CALM)
            await crowd.judge(report)
    return report


async def _kill(
    first: ServiceProcess, second: ServiceProcess, crowd: Crowd, report: Report
) -> None:
    everybody, watch = len(crowd.roamers), Stopwatch(second.pid)
    killed_at = time.monotonic()
    first.signal(signal.SIGKILL)
    await until(lambda: len(crowd.seen.resumed) >= everybody, within=_RESUMED_WITHIN)
    used, resumed = watch.read(), sorted(crowd.seen.resumed)
    report.expect(len(resumed), least=everybody, what="resumed")
    if not resumed:
        return
    taken = [round(1e6 * (at - killed_at)) for at in resumed]
    for share in (0.5, 0.99, 1.0):
        aim = ALMOST_ALL_S if share == 0.99 else None  # one of the above
        seconds = percentile(taken, share=share) / 1e6
        report.add(EDGE, f"resumed, {share:.0%}, s", seconds, aim=aim)
    report.add(EDGE, "CPU us a resume", 1e6 * used.cpu / len(resumed), aim=CPU_US)
    report.add_used(EDGE, used)
