"""How long pods have to go: computed, and refused where it does not fit."""

from __future__ import annotations

from pathlib import Path

import pytest

from parley_testing.chart.rendering import (
    Object,
    Refused,
    each_case,
    environment,
    render,
    rendered,
    template,
    templates,
)

pytestmark = pytest.mark.e2e

GRACE = "terminationGracePeriodSeconds"
LAST_STEPS = 15
"""Seconds that the end of an edge or of a worker takes at worst, after its drain."""


@pytest.mark.parametrize(
    ("edge", "drain", "grace"),
    [
        ({}, 50, 75),
        ({"maxConnections": 1000}, 30, 55),
        ({"maxConnections": 1000, "drainTimeout": 5}, 5, 30),
        ({"maxConnections": 10_001}, 51, 76),
        ({"maxConnections": 60_000, "replicas": 4, "receivers": 3}, 100, 125),
        ({"resumeRate": 12.5, "maxConnections": 1000}, 80, 105),
        ({"endpointDelay": 0.5}, 50, 71),
        ({"endpointDelay": 30, "terminationReserve": 60}, 50, 140),
        ({"terminationGracePeriodSeconds": 600}, 50, 600),
        ({"drainTimeout": 300}, 300, 325),
    ],
)
def test_an_edge_has_as_long_as_a_full_one_needs(edge: Object, drain: int, grace: int) -> None:
    objects = render({"edge": edge})

    assert environment(objects, "edge")["DRAIN_TIMEOUT"] == str(drain)
    assert template(objects, "edge")["spec"][GRACE] == grace


@pytest.mark.parametrize(
    ("conversation", "grace"),
    [
        ({}, 50),
        ({"drainTimeout": 120}, 140),
        ({"drainTimeout": 2.5}, 23),
        ({"terminationReserve": 15}, 45),
        ({"terminationGracePeriodSeconds": 90}, 90),
    ],
)
def test_a_worker_has_as_long_as_its_runs_and_its_end_need(
    conversation: Object, grace: int
) -> None:
    assert template(render({"conversation": conversation}), "conversation")["spec"][GRACE] == grace


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"edge": {"drainTimeout": 49}}, "edge.drainTimeout is 49 s"),
        ({"edge": {"drainTimeout": 0.5}}, "edge.drainTimeout is 0.5 s"),
        ({"edge": {GRACE: 74}}, f"edge.{GRACE} is 74 s"),
        ({"edge": {"maxConnections": 1_000_000}}, "take 5025 s"),
        ({"edge": {"receivers": 2}}, "edge.receivers is 2"),
        (
            {"edge": {"receivers": 2, "autoscaling": {"enabled": True, "minReplicas": 2}}},
            "edge.receivers is 2",
        ),
        ({"edge": {"terminationReserve": 14}}, "minimum: got 14, want 15"),
        ({"edge": {"maxConnections": 0}}, "minimum: got 0, want 1"),
        ({"edge": {"resumeRate": 0}}, "exclusiveMinimum: got 0, want 0"),
        ({"edge": {"endpointDelay": -1}}, "minimum: got -1, want 0"),
        ({"conversation": {GRACE: 49}}, f"conversation.{GRACE} is 49 s"),
        ({"conversation": {"drainTimeout": 3_600}}, "take 3620 s"),
        ({"conversation": {"terminationReserve": 10}}, "minimum: got 10, want 15"),
    ],
)
def test_times_that_do_not_fit_are_refused_with_the_reason(values: Object, told: str) -> None:
    with pytest.raises(Refused, match=told.replace(".", r"\.")):
        render(values)


@each_case
def test_nobody_is_killed_while_it_drains(values: Path) -> None:
    objects = rendered(values)

    for part in ("edge", "conversation"):
        told = environment(objects, part)
        needed = float(told["DRAIN_TIMEOUT"]) + float(told.get("ENDPOINT_DELAY", 0)) + LAST_STEPS
        assert template(objects, part)["spec"][GRACE] >= needed


@each_case
def test_no_hook_of_the_kubelet_holds_up_the_signal(values: Path) -> None:
    containers = [each for pod in templates(rendered(values)) for each in pod["spec"]["containers"]]

    assert not [each["name"] for each in containers if "lifecycle" in each]


def test_the_operator_reckons_with_what_edges_do() -> None:
    objects = render({"edge": {"endpointDelay": 7, "resumeRate": 100}})

    edge, operator = environment(objects, "edge"), environment(objects, "operator")
    for name in ("ENDPOINT_DELAY", "RESUME_RATE", "DRAIN_TIMEOUT"):
        assert operator[name] == edge[name]
