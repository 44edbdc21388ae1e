"""Every part is replaced under load, with the operator and without it, and nobody notices."""

from __future__ import annotations

import pytest

from parley_testing.kube.playground import Playground
from parley_testing.kube.release import DEPLOYED
from parley_testing.kube.report import Report
from parley_testing.kube.scene import Scene, under_load
from parley_testing.kube.verdict import Verdict

pytestmark = pytest.mark.timeout(600)


@pytest.mark.e2e
@pytest.mark.parametrize("component", DEPLOYED)
async def test_a_rollout_under_load_is_not_noticed(
    component: str, ground: Playground, report: Report
) -> None:
    scene = await _restarted(ground, component)

    _judge(scene, report, f"rollout of {component}")


@pytest.mark.parametrize(
    "component",
    [
        pytest.param("edge", marks=pytest.mark.e2e),
        pytest.param("conversation", marks=pytest.mark.e2e),
        pytest.param("presence", marks=pytest.mark.e2e_full),
    ],
)
async def test_without_the_operator_a_rollout_loses_nothing(
    component: str, ground: Playground, report: Report
) -> None:
    async with ground.release.without_operator():
        scene = await _restarted(ground, component)

    _judge(scene, report, f"rollout of {component}, no operator")


@pytest.mark.e2e_full
async def test_an_upgrade_of_image_and_settings_and_its_rollback_are_not_noticed(
    ground: Playground, next_tag: str, report: Report
) -> None:
    changed = (f"image.tag={next_tag}", "settings.websocket.heartbeat_interval=20")
    revision = await ground.release.revision()
    async with under_load(ground) as upgraded, upgraded.meanwhile():
        await ground.upgrade(*changed)
    images = await ground.release.images("edge")
    async with under_load(ground) as rolled_back, rolled_back.meanwhile():
        await ground.release.rollback(revision)

    assert all(image.endswith(f":{next_tag}") for image in images)
    _judge(upgraded, report, "helm upgrade to another image and settings")
    _judge(rolled_back, report, "helm rollback")


async def _restarted(ground: Playground, component: str) -> Scene:
    async with under_load(ground) as scene, scene.meanwhile():
        await ground.release.restart(component)
    return scene


def _judge(scene: Scene, report: Report, name: str) -> Verdict:
    """Nothing lost, doubled, out of order, cut or run twice; nobody away or waiting for long."""
    told = scene.verdict()
    report.add(name, "took, s", scene.window.seconds)
    report.add_verdict(name, told, cut="0", repeated="0", away="<= 1 s", ack="<= 1 s")
    assert (told.violations, told.harm) == ([], {})
    assert (told.cut, told.repeated) == ([], [])
    assert told.longest_away <= 1.0
    assert told.texts_in_window > 0
    assert told.ack_p99 is not None
    assert told.ack_p99 <= 1.0
    return told
