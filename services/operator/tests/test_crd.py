"""The definition of Drain objects: what an API server takes, and that the operator keeps to it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from copy import deepcopy
from secrets import token_hex
from typing import Any

import pytest
import pytest_asyncio
import yaml

from parley_operator.domain import courses
from parley_operator.domain.courses import Course, Times
from parley_operator.domain.drains import Phase, Reason
from parley_operator.domain.pods import PodName
from parley_operator.kubernetes.client import GROUP, VERSION
from parley_testing.kube.cluster import Cluster
from parley_testing.kube.tools import CommandFailed
from parley_testing.repository import CHART, ROOT

FILE = CHART / "files" / "drains.parley.dev.yaml"
LABELS = {"matchLabels": {"app.kubernetes.io/component": "edge"}}


def rule(**fields: Any) -> dict[str, Any]:
    return {"selector": {"matchExpressions": [{"key": "a", **fields}]}}


GOOD: list[dict[str, Any]] = [
    {"pod": "edge-a"},
    {"pod": "edge-a", "within": 12.5},
    {"selector": LABELS, "within": 0},
    rule(operator="In", values=["x"]),
    rule(operator="Exists"),
]
BAD: list[tuple[dict[str, Any], str]] = [
    ({}, "either one pod, or a selector"),
    ({"pod": "edge-a", "selector": LABELS}, "either one pod, or a selector"),
    ({"selector": {}}, "an empty selector would empty everything"),
    ({"selector": {"matchLabels": {}}}, "an empty selector would empty everything"),
    ({"pod": "edge-a", "within": -1}, "greater than or equal to 0"),
    ({"pod": "edge-a", "within": 3601}, "less than or equal to 3600"),
    ({"pod": "Edge_A"}, "should match"),
    (rule(operator="In"), "In and NotIn need values"),
    (rule(operator="Exists", values=["x"]), "In and NotIn need values"),
    ({"pod": "edge-a", "withn": 5}, "unknown field"),
]


def definition() -> dict[str, Any]:
    return dict(yaml.safe_load(FILE.read_text()))


def test_who_installs_definitions_apart_finds_the_same_one() -> None:
    assert (ROOT / "k8s" / "crds" / FILE.name).resolve() == FILE


def test_the_operator_writes_what_the_definition_knows() -> None:
    found = definition()
    (version,) = found["spec"]["versions"]
    schema = version["schema"]["openAPIV3Schema"]["properties"]["status"]["properties"]
    times = Times("2026-01-01T00:00:00Z", "2026-01-01T00:00:09Z")

    written = courses.status(
        {PodName("a"): Course(kind="edge", began=0.0)},
        phase=Phase.DRAINED,
        reason=Reason.DELETED,
        message="All.",
        times=times,
    )

    assert (found["spec"]["group"], version["name"]) == (GROUP, VERSION)
    assert written.keys() == schema.keys()
    assert set(schema["phase"]["enum"]) == {phase.value for phase in Phase}
    (condition,) = written["conditions"]
    assert condition.keys() == schema["conditions"]["items"]["properties"].keys()


@pytest_asyncio.fixture
async def group() -> AsyncIterator[tuple[Cluster, str]]:
    """The definition under a group of the test's own: a release's is not touched."""
    cluster = Cluster(os.environ.get("E2E_CONTEXT") or "kind-parley")
    group = f"t{token_hex(4)}.{GROUP}"
    ours = deepcopy(definition())
    ours["spec"] |= {"group": group}
    ours["metadata"] = {"name": f"drains.{group}"}
    ours["spec"]["names"].pop("shortNames")
    await cluster.apply([ours])
    name = f"crd/drains.{group}"
    try:
        await cluster.kubectl("wait", "--for=condition=Established", name, "--timeout=30s")
        yield cluster, group
    finally:
        await cluster.kubectl("delete", name, "--wait=false")


async def answer(cluster: Cluster, group: str, spec: dict[str, Any]) -> str:
    """What the API server says against the object; nothing if it takes it."""
    drain = {
        "apiVersion": f"{group}/{VERSION}",
        "kind": "Drain",
        "metadata": {"name": "d", "namespace": "default"},
        "spec": spec,
    }
    try:
        await cluster.apply([drain], "--dry-run=server")
    except CommandFailed as refused:
        return str(refused)
    return ""


@pytest.mark.e2e
async def test_an_api_server_takes_drains_that_mean_something_and_says_what_is_wrong_with_others(
    group: tuple[Cluster, str],
) -> None:
    # The API serves a definition a moment after it is established.
    async with asyncio.timeout(30):
        while "no matches for kind" in await answer(*group, {"pod": "edge-a"}):
            await asyncio.sleep(0.2)

    for spec in GOOD:
        assert await answer(*group, spec) == "", spec
    for spec, sentence in BAD:
        assert sentence in await answer(*group, spec), spec
