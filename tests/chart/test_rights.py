"""Nothing has more rights than it needs: in the API, in the cluster, on its own disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from parley_testing.chart.rendering import (
    PARTS,
    case,
    component,
    each_case,
    environment,
    kinds,
    of_kind,
    rendered,
    templates,
)

pytestmark = pytest.mark.e2e


@each_case
def test_tokens_of_service_accounts_are_the_operators_alone(values: Path) -> None:
    objects = rendered(values)

    having = {
        component(pod) for pod in templates(objects) if pod["spec"]["automountServiceAccountToken"]
    }
    accounts = {
        one["metadata"]["name"]
        for one in of_kind(objects, "ServiceAccount")
        if one["automountServiceAccountToken"]
    }

    assert having == {"operator"} & kinds(objects, "Deployment")
    assert accounts == set()


def test_without_an_operator_nothing_has_a_right() -> None:
    objects = rendered(case("bare"))

    assert not of_kind(objects, "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")


@each_case
def test_rights_in_the_whole_cluster_are_to_read_nodes_if_they_are_watched(values: Path) -> None:
    objects = rendered(values)
    rules = [rule for one in of_kind(objects, "ClusterRole") for rule in one["rules"]]
    reading = {"apiGroups": [""], "resources": ["nodes"], "verbs": ["get", "list", "watch"]}

    watching = any(
        environment(objects, part)["WATCH_NODES"] == "true"
        for part in kinds(objects, "Deployment") & {"operator"}
    )

    assert rules == ([reading] if watching else [])


@each_case
def test_only_tmp_and_redis_data_can_be_written_to(values: Path) -> None:
    for pod in templates(rendered(values)):
        for each in pod["spec"]["containers"]:
            mounts = [one for one in each.get("volumeMounts", ()) if not one.get("readOnly")]
            paths = {one["mountPath"] for one in mounts}
            assert paths <= {"/tmp", "/data"}  # noqa: S108 (inside of a container)


def test_root_file_systems_are_read_only_unless_told_otherwise() -> None:
    def writable(name: str) -> set[str]:
        return {
            component(pod)
            for pod in templates(rendered(case(name)))
            if not pod["spec"]["containers"][0]["securityContext"]["readOnlyRootFilesystem"]
        }

    assert writable("defaults") == set()
    assert writable("dev") == {*PARTS, "test"}
