"""From nothing to the first answer, and back to nothing."""

from __future__ import annotations

import pytest

from parley_testing.kube.cluster import Cluster, Object
from parley_testing.kube.playground import VALUES, Playground, released
from parley_testing.kube.release import Release
from parley_testing.kube.report import Report

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

KEPT = "helm.sh/resource-policy"
_KINDS = (
    "all,configmaps,secrets,serviceaccounts,persistentvolumeclaims,roles,rolebindings"
    ",networkpolicies,poddisruptionbudgets,horizontalpodautoscalers,ingresses,drains.parley.dev"
)
_OF_THE_CLUSTER = "clusterroles,clusterrolebindings,priorityclasses"
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
        await release.uninstall()

        left = await _left(release)

    report.add("install", "left by helm uninstall", ", ".join(map(_name, left)) or "nothing")
    assert [_name(each) for each in left if not _is_kept(each)] == []


async def _left(release: Release) -> list[Object]:
    found = await release.cluster.objects(_KINDS, "--namespace", release.namespace)
    wide = await release.cluster.objects(_OF_THE_CLUSTER)
    found += [each for each in wide if release.name in str(each["metadata"].get("annotations"))]
    return [
        each
        for each in found
        if (each["kind"], each["metadata"]["name"]) not in _OF_EVERY_NAMESPACE
    ]


def _is_kept(found: Object) -> bool:
    return str(found["metadata"].get("annotations", {}).get(KEPT)) == "keep"


def _name(found: Object) -> str:
    return f"{found['kind']}/{found['metadata']['name']}"
