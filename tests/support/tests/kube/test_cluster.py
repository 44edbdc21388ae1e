from __future__ import annotations

from typing import Any

import pytest

from parley_testing.kube.cluster import Cluster, pod_of

RUNNING: dict[str, Any] = {
    "metadata": {
        "name": "parley-edge-1",
        "uid": "u1",
        "namespace": "there",
        "labels": {"app.kubernetes.io/component": "edge"},
    },
    "spec": {"nodeName": "worker"},
    "status": {
        "conditions": [{"type": "Ready", "status": "True"}],
        "containerStatuses": [{"containerID": "containerd://abc", "restartCount": 2}],
    },
}


def test_a_pod_is_what_the_api_says_of_it() -> None:
    pod = pod_of(RUNNING)

    assert (pod.name, pod.component, pod.node, pod.namespace) == (
        "parley-edge-1",
        "edge",
        "worker",
        "there",
    )
    assert (pod.ready, pod.going, pod.container, pod.restarts) == (True, False, "abc", 2)


def test_a_pod_that_was_just_made_has_no_container_and_is_not_ready() -> None:
    pod = pod_of({"metadata": RUNNING["metadata"], "spec": {}})

    assert (pod.node, pod.ready, pod.container, pod.restarts) == ("", False, "", 0)


def test_a_pod_that_was_deleted_is_going() -> None:
    meta = RUNNING["metadata"] | {"deletionTimestamp": "2026-01-01T00:00:00Z"}

    assert pod_of(RUNNING | {"metadata": meta}).going


def test_only_nodes_of_a_kind_cluster_can_be_struck() -> None:
    assert Cluster("kind-parley").kind == "parley"
    with pytest.raises(AssertionError, match="is no kind cluster"):
        _ = Cluster("production").kind
