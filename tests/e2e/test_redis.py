"""The bundled Redis dies under load."""

from __future__ import annotations

import pytest

from parley_testing.kube.playground import Playground
from parley_testing.kube.report import Report
from parley_testing.kube.scene import under_load

pytestmark = [pytest.mark.e2e_full, pytest.mark.timeout(600)]


@pytest.mark.parametrize("fsync", ["always", "everysec"])
async def test_what_redis_promised_is_kept_or_its_loss_is_told(
    fsync: str, ground: Playground, report: Report
) -> None:
    await ground.upgrade(f"redis.bundled.appendfsync={fsync}")
    await ground.steady()

    async with under_load(ground) as scene, scene.meanwhile():
        for force in ([], ["--force", "--grace-period=0"]):
            (pod,) = await ground.release.pods("redis")
            await ground.release.kubectl("delete", "pod", pod.name, *force)
            await ground.release.until_ready("redis", count=1, without=pod)
            await ground.steady()

    is_kept = fsync == "always"
    told = scene.verdict(lost_tail=not is_kept)
    limit = "0" if is_kept else "as the values file says"
    report.add_verdict(f"Redis deleted twice, appendfsync {fsync}", told, lost=limit)
    assert (told.violations, told.harm) == ([], {})
