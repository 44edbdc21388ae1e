"""Nodes that are cordoned or not ready, with the operator as a process."""

from __future__ import annotations

from parley_testing.kubernetes_api import KubernetesApi
from parley_testing.release import Release, eventually, node_body


async def test_edges_of_a_cordoned_node_are_emptied_and_serve_again_after_an_uncordon(
    release: Release, api: KubernetesApi
) -> None:
    for name in ("node-1", "node-2"):
        api.put("nodes", node_body(name))
    leaving = await release.run("edge", "edge-a", node="node-1")
    staying = await release.run("edge", "edge-b", node="node-2")
    await release.operator(WATCH_NODES="true")

    api.put("nodes", node_body("node-1", cordoned=True))
    await eventually(lambda: release.drain_of("edge-a").get("phase") == "Drained")
    assert not await release.is_ready(leaving)
    assert await release.is_ready(staying)

    api.put("nodes", node_body("node-1"))
    await eventually(lambda: release.is_ready(leaving))
    await eventually(lambda: release.drain_of("edge-a").get("phase") == "TakenBack")


async def test_when_every_node_is_cordoned_nobody_is_cut_off(
    release: Release, api: KubernetesApi
) -> None:
    for name in ("node-1", "node-2"):
        api.put("nodes", node_body(name))
    edges = [await release.run("edge", f"edge-{node}", node=f"node-{node}") for node in (1, 2)]
    await release.operator(WATCH_NODES="true")

    api.put("nodes", node_body("node-1", cordoned=True))
    await eventually(lambda: bool(release.drain_of("edge-1")))
    api.put("nodes", node_body("node-2", cordoned=True))

    async def all_serve() -> bool:
        return all([await release.is_ready(edge) for edge in edges])

    await eventually(all_serve)
    assert release.drain_of("edge-2") == {}


async def test_edges_of_a_node_that_is_not_ready_are_emptied(
    release: Release, api: KubernetesApi
) -> None:
    for name in ("node-1", "node-2"):
        api.put("nodes", node_body(name))
    await release.run("edge", "edge-a", node="node-1")
    await release.run("edge", "edge-b", node="node-2")
    await release.operator(WATCH_NODES="true")

    api.put("nodes", node_body("node-1", ready=False))

    await eventually(lambda: release.drain_of("edge-a").get("phase") == "Drained")
    reasons = [body["metadata"]["labels"]["parley.dev/reason"] for body in api.all("drains")]
    assert reasons == ["NodeNotReady"]


async def test_nodes_are_not_asked_for_unless_they_are_watched(
    release: Release, api: KubernetesApi
) -> None:
    api.put("nodes", node_body("node-1", cordoned=True))
    await release.run("edge", "edge-a", node="node-1")
    await release.run("edge", "edge-b", node="node-2")
    await release.operator(RECONCILE_INTERVAL="0.2")

    looks = api.lists
    await eventually(lambda: api.lists >= looks + 5)

    assert api.reads["nodes"] == 0
    assert api.all("drains") == []
