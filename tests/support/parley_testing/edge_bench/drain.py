"""One of two edges is drained: everybody on it moves to the other, and nobody should notice."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import httpx

from parley_testing.edge_bench.contender import EDGE
from parley_testing.edge_bench.crowd import Crowd, crowd_on_first
from parley_testing.edge_bench.figures import Aim, Report
from parley_testing.edge_bench.pace import until, without_collector
from parley_testing.edge_bench.stopwatch import Stopwatch
from parley_testing.processes import ServiceProcess

GAP_MS = Aim(most=50)
P99_RATIO = Aim(most=2)
_ABOVE = 1.1
"""How far the rate of resumes may be above the ceiling, in any second."""
_LATE = 15.0


@dataclass(frozen=True, slots=True)
class Drain:
    """`connections`, two of each user; `active` of them say something each second.

    `resume_rate`: connections a second that the edges' setting lets one receiver have; `within`
    and `calm`: seconds of the drain at most, and of the talk before it.
    """

    connections: int = 2000
    active: int = 200
    resume_rate: float = 200
    within: float = 30.0
    calm: float = 10.0


async def drain(size: Drain) -> Report:
    """All connections are on the edge that is drained; they obey `reconnect` as an SDK does."""
    report = Report(
        "drain",
        f"{size.connections} connections, {size.active} of them talking, on one of two edges, which"
        f" is drained within {size.within:g} s at RESUME_RATE {size.resume_rate:g}",
    )
    env = {"RESUME_RATE": f"{size.resume_rate:g}"}
    async with crowd_on_first(connections=size.connections, active=size.active, env=env) as (
        crowd,
        first,
        _,
    ):
        with without_collector():
            async with crowd.talking(report):
                watch = Stopwatch(first.pid)
                await asyncio.sleep(size.calm)
                before = _p99(crowd)
                report.add_used(EDGE, watch.read(), load="before")
                watch = Stopwatch(first.pid)
                await _drain(first, crowd, size, report)
                during = _p99(crowd)
                report.add_used(EDGE, watch.read(), load="drained edge")
            await crowd.judge(report)
    report.add(EDGE, "p99 ms before", before)
    report.add(EDGE, "p99 ms during", during)
    report.add(EDGE, "p99 during to before", during / before, aim=P99_RATIO)
    return report


async def _drain(edge: ServiceProcess, crowd: Crowd, size: Drain, report: Report) -> None:
    async with httpx.AsyncClient() as http:
        url = f"{edge.admin_url}/drain"
        (await http.post(url, params={"within": size.within})).raise_for_status()
    everybody, resumed = len(crowd.roamers), crowd.seen.resumed
    await until(lambda: len(resumed) >= everybody, within=size.within + _LATE)
    report.expect(len(resumed), least=everybody, what="moved")
    most = Aim(most=_ABOVE * size.resume_rate)
    report.add(EDGE, "moved in s", resumed[-1] - resumed[0])
    report.add(EDGE, "resumes in 1 s, at most", busiest(resumed, window=1.0), aim=most)
    report.add(EDGE, "resumes in 100 ms, at most", busiest(resumed, window=0.1))
    report.add(EDGE, "without a connection ms", 1000 * crowd.seen.longest_gap, aim=GAP_MS)


def _p99(crowd: Crowd) -> float:
    (p99,) = crowd.seen.latencies.milliseconds(0.99)
    crowd.seen.latencies.clear()
    return p99


def busiest(moments: Sequence[float], *, window: float) -> int:
    """The most of these ascending moments that lie in any stretch of that length."""
    most = first = 0
    for last, moment in enumerate(moments):
        while moment - moments[first] >= window:
            first += 1
        most = max(most, last - first + 1)
    return most
