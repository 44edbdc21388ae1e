"""From nothing to the first answer, and back to nothing."""

from __future__ import annotations

import asyncio

import pytest

from parley_testing.kube.cluster import Cluster, Object
from parley_testing.kube.playground import VALUES, Playground, released
from parley_testing.kube.release import Release
from parley_testing.kube.report import Report

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

PODS_GONE_WITHIN = 60.0
"""Seconds: a drain without anybody who takes the connections."""
OWNED_GONE_WITHIN = 60.0
"""Seconds that the garbage collector may take."""
_DRAINS = "drains.parley.dev"
_KEPT = "helm.sh/resource-policy"
_NAMESPACE = "meta.helm.sh/release-namespace"
_KINDS = (
    "all,configmaps,secrets,serviceaccounts,persistentvolumeclaims,roles,rolebindings"
    ",networkpolicies,poddisruptionbudgets,horizontalpodautoscalers,ingresses,drains.parley.dev"
)
_OF_THE_CLUSTER = (
    "clusterroles,clusterrolebindings,priorityclasses,customresourcedefinitions,storageclasses"
)
_OF_EVERY_NAMESPACE = {("ConfigMap", "kube-root-ca.crt"), ("ServiceAccount", "default")}


async def test_the_first_answer_comes_within_ninety_seconds(
    ground: Playground, report: Report
) -> None:
    report.add("install", "helm install to first answer, s", ground.first_answer, limit="<= 90 s")

    assert ground.first_answer <= 90


async def test_helm_test_is_green(ground: Playground, report: Report) -> None:
    told = await ground.release.test()

    report.add("install", "helm test", "green")
    assert "Succeeded" in told


async def test_uninstall_leaves_only_what_keep_says(
    cluster: Cluster, tag: str, report: Report
) -> None:
    inside = ("edge.service.type=ClusterIP", "edge.service.nodePort=0", f"image.tag={tag}")
    node = (await cluster.nodes())[0]
    async with released(cluster, "once", *inside, node=node, values=VALUES[:1]) as (release, sets):
        await release.install(*sets)
        await _make_the_operator_record_a_drain(release)
        await release.uninstall()

        left = await _left(release)

    report.add("install", "left by helm uninstall", ", ".join(map(_name, left)) or "nothing")
    assert [_name(each) for each in left if not _is_kept(each)] == []


async def _make_the_operator_record_a_drain(release: Release) -> None:
    pod = (await release.pods("edge"))[0]
    await release.kubectl("delete", "pod", pod.name)
    assert await release.cluster.objects(_DRAINS, "--namespace", release.namespace)


async def _left(release: Release) -> list[Object]:
    """What is there when the pods that were told to go have gone, and what goes with its owner."""
    await release.until_no_pods(within=PODS_GONE_WITHIN)
    async with asyncio.timeout(OWNED_GONE_WITHIN):
        while await release.cluster.objects(_DRAINS, "--namespace", release.namespace):
            await asyncio.sleep(0.5)
    found = await release.cluster.objects(_KINDS, "--namespace", release.namespace)
    wide = await release.cluster.objects(_OF_THE_CLUSTER)
    found += [each for each in wide if _annotation(each, _NAMESPACE) == release.namespace]
    return [
        each
        for each in found
        if (each["kind"], each["metadata"]["name"]) not in _OF_EVERY_NAMESPACE
    ]


def _is_kept(found: Object) -> bool:
    """By Helm's annotation; or as `redis.bundled.persistence.retain` says of the volume."""
    return _annotation(found, _KEPT) == "keep" or found["kind"] == "PersistentVolumeClaim"


def _annotation(found: Object, name: str) -> str:
    return str(found["metadata"].get("annotations", {}).get(name))


def _name(found: Object) -> str:
    return f"{found['kind']}/{found['metadata']['name']}"
