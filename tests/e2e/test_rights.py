"""What the operator may do on the cluster, and what nobody of the release may."""

from __future__ import annotations

import pytest

from parley_testing.kube.playground import Playground
from parley_testing.kube.report import Report
from parley_testing.kube.tools import CommandFailed

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

MAY = (
    ("list", "pods"),
    ("watch", "pods"),
    ("patch", "pods"),
    ("create", "events"),
    ("list", "drains.parley.dev"),
    ("create", "drains.parley.dev"),
    ("patch", "drains.parley.dev/status"),
)
MUST_NOT = (
    ("get", "secrets"),
    ("list", "secrets"),
    ("get", "configmaps"),
    ("create", "pods"),
    ("delete", "pods"),
    ("update", "pods"),
    ("create", "pods/exec"),
    ("create", "pods/eviction"),
    ("create", "pods/portforward"),
    ("get", "pods/log"),
    ("patch", "deployments.apps"),
    ("update", "deployments.apps/scale"),
    ("delete", "statefulsets.apps"),
    ("create", "serviceaccounts/token"),
    ("create", "rolebindings.rbac.authorization.k8s.io"),
    ("escalate", "roles.rbac.authorization.k8s.io"),
    ("*", "*"),
)
ABOUT_NODES = (("get", "nodes"), ("list", "nodes"), ("watch", "nodes"))
NOT_ABOUT_NODES = (("patch", "nodes"), ("update", "nodes/status"), ("delete", "nodes"))


async def test_the_operator_may_do_what_it_does_and_no_more(
    ground: Playground, report: Report
) -> None:
    who = ground.release.of("operator")

    may = [each for each in (*MAY, *ABOUT_NODES) if not await _can(ground, who, *each)]
    must_not = [each for each in (*MUST_NOT, *NOT_ABOUT_NODES) if await _can(ground, who, *each)]

    asked = len((*MAY, *ABOUT_NODES, *MUST_NOT, *NOT_ABOUT_NODES))
    report.add("rights", "asked of the operator", asked)
    report.add(
        "rights", "that it lacks, has too many", f"{len(may)}, {len(must_not)}", limit="0, 0"
    )
    assert (may, must_not) == ([], [])


async def test_the_operator_has_no_say_in_other_namespaces(ground: Playground) -> None:
    who = ground.release.of("operator")

    found = [each for each in MAY if await _can(ground, who, *each, within="default")]

    assert found == []


@pytest.mark.parametrize("component", ["edge", "conversation", "presence", "redis"])
async def test_nobody_else_has_rights(component: str, ground: Playground) -> None:
    who = ground.release.of(component)

    found = [each for each in (*MAY, ("get", "secrets")) if await _can(ground, who, *each)]

    assert found == []


async def _can(
    ground: Playground, who: str, verb: str, what: str, *, within: str | None = None
) -> bool:
    place = ground.release.namespace
    account = f"system:serviceaccount:{place}:{who}"
    resource, _, part = what.partition("/")
    asked = ["auth", "can-i", verb, resource, "--as", account, "--namespace", within or place]
    if part:
        asked.append(f"--subresource={part}")
    try:
        told = await ground.cluster.kubectl(*asked)
    except CommandFailed as refused:
        # It ends with 1 where the answer is no, and may warn after that.
        if "\nno\n" not in str(refused):
            raise
        return False
    return told.startswith("yes")
