"""Edges come with the load, take their share, and go again: the emptiest first."""

from __future__ import annotations

import asyncio
from time import monotonic

import pytest

from parley_testing.kube.cluster import Pod
from parley_testing.kube.playground import Playground
from parley_testing.kube.report import Report
from parley_testing.kube.scene import under_load

pytestmark = [pytest.mark.e2e_full, pytest.mark.timeout(900)]

SCALED = (
    "edge.autoscaling.enabled=true",
    "edge.autoscaling.minReplicas=2",
    "edge.autoscaling.maxReplicas=3",
    "edge.autoscaling.targetCPUUtilizationPercentage=60",
    "edge.autoscaling.behavior.scaleDown.stabilizationWindowSeconds=15",
    # Far from both: an edge takes some 10m for probes, beats and the looks of this test, and five
    # times as much under the load. With 20m it once stayed above the target when all was quiet.
    "edge.resources.requests.cpu=50m",
)
_UP_WITHIN = 240.0
_SHARED_WITHIN = 60.0
_DOWN_WITHIN = 300.0


async def test_edges_come_with_the_load_and_the_emptiest_goes_first(
    ground: Playground, report: Report
) -> None:
    revision = await ground.release.revision()
    await ground.upgrade(*SCALED)
    try:
        async with under_load(ground, clients=60, rate=0.02) as quiet, quiet.meanwhile():
            async with under_load(ground, rate=0.5) as busy, busy.meanwhile():
                report.add("HPA", "edges up after, s", await _until_three(ground))
                report.add("HPA", "the new one has connections after, s", await _shared(ground))
            held, gone = await _shrunk(ground)
    finally:
        await ground.release.rollback(revision)

    report.add("HPA", "connections of each edge before one went", _said(held))
    report.add("HPA", "connections of the one that went", held[gone])
    for name, scene in (("HPA, busy", busy), ("HPA, quiet", quiet)):
        told = scene.verdict()
        report.add_verdict(name, told)
        assert (told.violations, told.harm) == ([], {})
    assert held[gone] == min(held.values())


async def _until_three(ground: Playground) -> float:
    return await ground.release.until_ready("edge", count=3, within=_UP_WITHIN)


async def _shared(ground: Playground) -> float:
    """Seconds until each edge has connections."""
    start = monotonic()
    async with asyncio.timeout(_SHARED_WITHIN):
        while min((await _held(ground)).values()) == 0:
            await asyncio.sleep(0.5)
    return monotonic() - start


async def _shrunk(ground: Playground) -> tuple[dict[str, int], str]:
    """What each edge held the last time that all were there, and which one was chosen to go."""
    held = await _held(ground)
    async with asyncio.timeout(_DOWN_WITHIN):
        while True:
            pods = await ground.release.pods("edge")
            if len(pods) < len(held):
                (gone,) = held.keys() - {pod.name for pod in pods}
                return held, gone
            held = await _held(ground, pods)
            await asyncio.sleep(0.5)


async def _held(ground: Playground, pods: list[Pod] | None = None) -> dict[str, int]:
    found = pods if pods is not None else await ground.release.pods("edge")
    return {pod.name: await ground.release.connections(pod) for pod in found if pod.ready}


def _said(held: dict[str, int]) -> str:
    return ", ".join(str(count) for count in sorted(held.values()))
