"""Nodes that are drained, cordoned and frozen under load."""

from __future__ import annotations

import asyncio

import pytest

from parley_testing.kube.playground import Playground
from parley_testing.kube.report import Form, Report
from parley_testing.kube.scene import Scene, under_load
from parley_testing.kube.verdict import Verdict

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

CORDONED = 20.0
"""Seconds: the operator hears of it at once."""


async def test_draining_a_node_is_not_noticed(ground: Playground, report: Report) -> None:
    await ground.spread()
    node = await ground.other_node()

    async with ground.cluster.uncordoned_afterwards([node]), under_load(ground) as scene:
        async with scene.meanwhile():
            await ground.cluster.drain(node)
        await ground.steady()

    told = _judge(scene, report, "kubectl drain of a node")
    assert (told.cut, told.repeated) == ([], [])


async def test_cordoning_every_node_cuts_nobody_off(ground: Playground, report: Report) -> None:
    nodes = await ground.cluster.nodes()

    async with ground.cluster.uncordoned_afterwards(nodes), under_load(ground) as scene:
        await ground.cluster.kubectl("cordon", *nodes)
        async with scene.meanwhile():
            await asyncio.sleep(CORDONED)

    told = _judge(scene, report, "cordon of every node")
    assert (told.cut, told.repeated) == ([], [])
    assert told.longest_away == 0.0


async def test_a_node_that_freezes_and_thaws_loses_and_doubles_nothing(
    ground: Playground, report: Report, form: Form
) -> None:
    await ground.spread()
    node = await ground.other_node()
    seconds = form.of(25, 60)

    async with under_load(ground) as scene, scene.meanwhile():
        async with ground.cluster.frozen(node):
            await asyncio.sleep(seconds)
        await ground.steady()

    told = _judge(scene, report, f"node frozen for {seconds} s")
    # A turn of the frozen worker went on elsewhere, so there was something to be a zombie of.
    assert told.repeated


def _judge(scene: Scene, report: Report, name: str) -> Verdict:
    told = scene.verdict()
    report.add_verdict(name, told)
    assert (told.violations, told.harm) == ([], {})
    return told
