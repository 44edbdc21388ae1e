"""What only an API server can say: Pod Security, and what stays over upgrades."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest

from parley_testing.chart.rendering import (
    Object,
    case,
    each_case,
    rendered,
    templates,
)
from parley_testing.chart.schemas import is_foreign
from parley_testing.kube.cluster import Cluster
from parley_testing.kube.tools import CommandFailed
from parley_testing.repository import CHART

pytestmark = pytest.mark.e2e

DRY = ("--dry-run=server", "--server-side", "--field-manager=parley-tests")
NOBODY = ",".join(f"{part}.replicas=0" for part in ("edge", "conversation", "presence", "operator"))
"""Pods have no part in what is asked here."""
HELM_WITHIN = 60.0


@pytest.fixture
def cluster() -> Cluster:
    return Cluster(os.environ.get("E2E_CONTEXT") or "kind-parley")


@asynccontextmanager
async def namespace(cluster: Cluster) -> AsyncIterator[str]:
    """One of its own, which takes only restricted pods."""
    name = f"parley-chart-{token_hex(4)}"
    await cluster.create_namespace(name)
    try:
        yield name
    finally:
        await cluster.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture
async def space(cluster: Cluster) -> AsyncIterator[str]:
    async with namespace(cluster) as name:
        yield name


def pods(values: Path, space: str) -> list[Object]:
    """Each pod by itself: of what makes pods, Pod Security only warns."""
    return [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": f"pod-{number}", "namespace": space},
            "spec": _alone(pod["spec"]),
        }
        for number, pod in enumerate(templates(rendered(values)))
    ]


def _alone(spec: Object) -> Object:
    """Without what else would have to be there, and is not asked about."""
    mounts = {
        mount["name"] for each in spec["containers"] for mount in each.get("volumeMounts", ())
    }
    claimed = mounts - {volume["name"] for volume in spec["volumes"]}
    volumes = [*spec["volumes"], *({"name": name, "emptyDir": {}} for name in claimed)]
    elsewhere = {"serviceAccountName", "priorityClassName"}
    return {name: spec[name] for name in spec.keys() - elsewhere} | {"volumes": volumes}


@each_case
async def test_every_pod_keeps_to_restricted_pod_security(
    cluster: Cluster, space: str, values: Path
) -> None:
    found = pods(values, space)

    await cluster.apply(found, *DRY)

    assert len(found) >= 3


async def test_a_pod_that_does_not_is_refused(cluster: Cluster, space: str) -> None:
    found = pods(case("defaults"), space)
    found[0]["spec"] = {**found[0]["spec"], "hostNetwork": True}

    with pytest.raises(CommandFailed, match="violates PodSecurity"):
        await cluster.apply(found, *DRY)


@each_case
async def test_the_api_server_takes_all_objects(cluster: Cluster, space: str, values: Path) -> None:
    ours = [
        {**one, "metadata": {**one["metadata"], "namespace": space}}
        if "namespace" in one["metadata"]
        else one
        for one in rendered(values)
        if not is_foreign(one)
    ]

    await cluster.apply(ours, *DRY, "--force-conflicts")


async def helm(cluster: Cluster, verb: str, space: str, *args: str) -> str:
    chart = () if verb == "uninstall" else (str(CHART),)
    return await cluster.helm(verb, "try", *chart, "-n", space, *args, within=HELM_WITHIN)


async def secrets(cluster: Cluster, space: str) -> dict[str, dict[str, Any]]:
    """What Parley's hold, by name."""
    found = await cluster.objects(
        "secrets", "-n", space, "--selector", "app.kubernetes.io/name=parley"
    )
    return {one["metadata"]["name"]: one["data"] for one in found}


async def test_tokens_and_passwords_are_made_once_and_kept_over_upgrades(
    cluster: Cluster, space: str
) -> None:
    await helm(cluster, "install", space, "--set", NOBODY)
    made = await secrets(cluster, space)

    await helm(cluster, "upgrade", space, "--set", NOBODY, "--set", "keyPrefix=other")

    assert await secrets(cluster, space) == made
    assert made.keys() == {"try-parley-service-token", "try-parley-redis"}
    await helm(cluster, "uninstall", space)
    assert await secrets(cluster, space) == {}


async def test_two_releases_share_the_definition_of_drains(cluster: Cluster, space: str) -> None:
    async with namespace(cluster) as other:
        for place in (space, other):
            await helm(cluster, "install", place, "--set", NOBODY)
            await helm(cluster, "upgrade", place, "--set", NOBODY)
        await helm(cluster, "uninstall", space)

        left = await cluster.kubectl("get", "crd", "drains.parley.dev", "--output", "name")

    assert left.strip().endswith("drains.parley.dev")
