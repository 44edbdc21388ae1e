"""Drain objects that people make and delete."""

from __future__ import annotations

from typing import Any

from parley_testing.kubernetes_api import KubernetesApi
from parley_testing.release import Release, eventually


def drain(name: str, **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": spec}


def phase_of(api: KubernetesApi, name: str) -> str:
    return str((api.get("drains", name).get("status") or {}).get("phase"))


async def test_pods_that_a_selector_matches_are_emptied_and_serve_again_after_its_deletion(
    release: Release, api: KubernetesApi
) -> None:
    edge = await release.run("edge", "edge-a")
    worker = await release.run("conversation", "worker-a")
    await release.operator()
    edges = {"matchLabels": {"app.kubernetes.io/component": "edge"}}

    api.put("drains", drain("by-hand", selector=edges, within=5))
    await eventually(lambda: phase_of(api, "by-hand") == "Drained")
    assert not await release.is_ready(edge)
    assert await release.is_ready(worker)

    api.delete("drains", "by-hand")
    await eventually(lambda: release.is_ready(edge))


async def test_an_object_by_hand_is_still_in_force_for_the_next_operator(
    release: Release, api: KubernetesApi
) -> None:
    edge = await release.run("edge", "edge-a")
    first = await release.operator()
    api.put("drains", drain("by-hand", pod="edge-a"))
    await eventually(lambda: phase_of(api, "by-hand") == "Drained")
    first.end()
    await release.operator()

    api.delete("drains", "by-hand")

    await eventually(lambda: release.is_ready(edge))


async def test_an_object_that_names_nobody_fails_with_a_sentence(
    release: Release, api: KubernetesApi
) -> None:
    await release.run("presence", "presence-a")
    await release.operator()

    api.put("drains", drain("by-hand", pod="presence-a"))

    await eventually(lambda: phase_of(api, "by-hand") == "Failed")
    (condition,) = api.get("drains", "by-hand")["status"]["conditions"]
    assert condition["message"] == "No edge and no worker of that name or selector is there."


async def test_objects_that_are_over_are_removed_but_not_those_that_keep_a_pod_drained(
    release: Release, api: KubernetesApi
) -> None:
    await release.run("edge", "edge-a")
    await release.operator(RECONCILE_INTERVAL="0.5", DRAIN_RETENTION="1")
    api.put("drains", drain("over", pod="nobody"))
    api.put("drains", drain("in-force", pod="edge-a"))
    await eventually(lambda: phase_of(api, "in-force") == "Drained")

    await eventually(
        lambda: [body["metadata"]["name"] for body in api.all("drains")] == ["in-force"]
    )

    looks = api.lists
    await eventually(lambda: api.lists >= looks + 6)
    assert phase_of(api, "in-force") == "Drained"


async def test_no_more_objects_are_kept_than_the_setting_says(
    release: Release, api: KubernetesApi
) -> None:
    await release.operator(RECONCILE_INTERVAL="0.5", DRAINS_KEPT="2")

    for number in range(5):
        api.put("drains", drain(f"over-{number}", pod="nobody"))

    await eventually(lambda: len(api.all("drains")) == 2)
