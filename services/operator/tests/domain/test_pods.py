"""What is read from objects of the API."""

from __future__ import annotations

from typing import Any

from parley_operator.domain.pods import COST, Container, node_of, pod_of


def body(**status: Any) -> dict[str, Any]:
    return {
        "metadata": {
            "name": "a",
            "uid": "u",
            "labels": {"app.kubernetes.io/component": "edge"},
            "annotations": {},
        },
        "spec": {"nodeName": "n", "terminationGracePeriodSeconds": 60},
        "status": status,
    }


def test_a_pod_that_nobody_deleted_serves_when_it_is_ready() -> None:
    pod = pod_of(body(phase="Running", conditions=[{"type": "Ready", "status": "True"}]))

    assert pod.is_serving
    assert (pod.kind, pod.node, pod.grace, pod.container) == ("edge", "n", 60.0, None)


def test_a_deleted_pod_has_the_grace_that_its_deletion_gave() -> None:
    deleted = body()
    deleted["metadata"] |= {
        "deletionTimestamp": "2026-01-01T00:00:00Z",
        "deletionGracePeriodSeconds": 0,
    }

    pod = pod_of(deleted)

    assert pod.is_going
    assert pod.grace == 0.0


def test_an_evicted_pod_is_over() -> None:
    assert pod_of(body(phase="Failed", reason="Evicted")).is_over


def test_only_the_container_called_as_the_component_counts() -> None:
    sidecar = {"name": "proxy", "containerID": "x", "restartCount": 7, "state": {}}
    own = {
        "name": "edge",
        "containerID": "c",
        "restartCount": 1,
        "state": {"running": {"startedAt": "1970-01-01T00:00:10Z"}},
        "lastState": {"terminated": {"finishedAt": "1970-01-01T00:00:09Z", "exitCode": 137}},
    }

    pod = pod_of(body(containerStatuses=[sidecar, own]))

    assert pod.container == Container("c", 1, started=10.0, ended=9.0, exit_code=137)


def test_a_container_that_waits_after_a_crash_does_not_run() -> None:
    waiting = {
        "name": "edge",
        "containerID": "c",
        "restartCount": 3,
        "state": {"waiting": {"reason": "CrashLoopBackOff"}},
        "lastState": {"terminated": {"finishedAt": "1970-01-01T00:00:09Z", "exitCode": 1}},
    }

    pod = pod_of(body(containerStatuses=[waiting]))

    assert pod.container == Container("c", 3, started=None, ended=9.0, exit_code=1)


def test_a_cost_that_somebody_else_wrote_badly_is_none() -> None:
    odd = body()
    odd["metadata"]["annotations"][COST] = "much"

    assert pod_of(odd).cost is None


def test_a_cordoned_node_and_one_that_is_not_ready_are_not_good() -> None:
    ready = {"conditions": [{"type": "Ready", "status": "True"}]}
    unknown = {"conditions": [{"type": "Ready", "status": "Unknown"}]}

    assert node_of({"metadata": {"name": "n"}, "status": ready}).is_good
    cordoned = {"metadata": {"name": "n"}, "spec": {"unschedulable": True}, "status": ready}
    assert not node_of(cordoned).is_good
    assert not node_of({"metadata": {"name": "n"}, "status": unknown}).is_good
