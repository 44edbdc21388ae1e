"""What the operator does about pods, as a process, with real edges and workers."""

from __future__ import annotations

import signal

from parley_testing.kubernetes_api import KubernetesApi
from parley_testing.release import Release, eventually


async def test_an_edge_whose_pod_goes_is_drained_and_people_can_see_it(
    release: Release, api: KubernetesApi
) -> None:
    await release.run("edge", "edge-a")
    await release.run("edge", "edge-b")
    await release.operator()

    release.goes("edge-a")

    await eventually(lambda: release.drain_of("edge-a").get("phase") == "Drained", within=15)
    assert release.drain_of("edge-a")["lost"] == 0
    assert release.drain_of("edge-b") == {}
    await eventually(lambda: api.reasons("edge-a") == ["SessionsDraining", "SessionsDrained"])


async def test_the_process_of_a_deleted_pod_is_barred_and_reaped(
    release: Release, api: KubernetesApi
) -> None:
    worker = await release.run("conversation", "worker-a")
    await release.operator()
    worker.signal(signal.SIGSTOP)

    api.delete("pods", "worker-a")

    async def is_reaped() -> bool:
        return not await release.beats("worker-a")

    assert await eventually(is_reaped) < 3
    assert await release.barred("worker-a")
