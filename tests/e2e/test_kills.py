"""Processes and pods that die without a word, under load: with the operator, and without it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import inf

import pytest

from parley_testing.kube.cluster import Pod
from parley_testing.kube.playground import Playground
from parley_testing.kube.report import Form, Report
from parley_testing.kube.scene import Scene, under_load
from parley_testing.kube.verdict import went_on

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

STRUCK = ("edge", "conversation")
_SETTLED = 2.0
"""Seconds in which who lost a connection is back, and talks again, before the next strike."""


class How(StrEnum):
    """What is done to a pod."""

    KILL = "SIGKILL inside the node"
    FORCE = "force delete"


@dataclass(frozen=True, slots=True)
class Strike:
    """Times are seconds since 1970, the journal's clock.

    A pod that is deleted by force lives on for a second or two, and is not told from a living one
    but by the operator, who hears of the deletion.
    """

    how: How
    pod: Pod
    ordered: float
    died: float


async def test_kills_lose_nothing_and_turns_go_on_within_three_seconds(
    ground: Playground, report: Report, form: Form
) -> None:
    scene, strikes = await _struck(ground, times=form.of(3, 10))

    _judge(scene, strikes, report, "kills", since=lambda strike: strike.ordered, limit=3)


async def test_without_the_operator_kills_lose_nothing_and_turns_go_on_within_eight_seconds(
    ground: Playground, report: Report, form: Form
) -> None:
    async with ground.release.without_operator():
        scene, strikes = await _struck(ground, times=form.of(1, 3))

    _judge(scene, strikes, report, "kills, no operator", since=lambda strike: strike.died, limit=8)


def _judge(
    scene: Scene,
    strikes: Sequence[Strike],
    report: Report,
    name: str,
    *,
    since: Callable[[Strike], float],
    limit: float,
) -> None:
    told = scene.verdict()
    report.add(name, "strikes of each kind at each part", len(strikes) / 4)
    report.add_verdict(name, told, resume="<= 3 s")
    waits: list[float] = []
    for how in How:
        found = [
            wait
            for strike in strikes
            if strike.how is how and strike.pod.component == "conversation"
            for wait in went_on(scene.runs, pod=strike.pod.name, died=since(strike))
        ]
        report.add(name, f"turns in hand, {how}", len(found))
        # One that is deleted by force may have given all back before it died; a killed one cannot.
        slowest = max(found, default=inf if how is How.KILL else 0.0)
        report.add(name, f"slowest to go on, {how}, s", slowest, limit=f"<= {limit:g} s")
        waits.append(slowest)
    assert (told.violations, told.harm) == ([], {})
    assert told.resume_p99 is not None
    assert told.resume_p99 <= 3.0
    assert max(waits) <= limit


async def _struck(ground: Playground, *, times: int) -> tuple[Scene, list[Strike]]:
    """Each part is struck in each way, `times` times."""
    strikes = []
    async with under_load(ground) as scene, scene.meanwhile():
        for how in list(How) * times:
            for component in STRUCK:
                strikes.append(await _strike(ground, component, how))
                await asyncio.sleep(_SETTLED)
    return scene, strikes


async def _strike(ground: Playground, component: str, how: How) -> Strike:
    """Returns when another pod or container has taken its place.

    What is killed has died least, what is deleted most often: else the kubelet would wait longer
    and longer before it starts a container again.
    """
    pods = sorted(await ground.release.pods(component), key=lambda pod: pod.restarts)
    pod = pods[0] if how is How.KILL else pods[-1]
    if how is How.KILL:
        await ground.cluster.kill(pod)
    else:
        await ground.release.kubectl("delete", "pod", pod.name, "--force", "--grace-period=0")
    ordered = time.time()
    died = await ground.cluster.death(pod)
    await ground.release.until_ready(component, count=len(pods), without=pod)
    return Strike(how, pod, ordered, died)
