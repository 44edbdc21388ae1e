"""What is in pods, how many there are, and that nothing has more rights than it needs."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from parley_testing.chart.rendering import (
    PARTS,
    Object,
    case,
    component,
    container,
    each_case,
    environment,
    kinds,
    named,
    of_kind,
    render,
    rendered,
    template,
)

pytestmark = pytest.mark.e2e

DIGEST = f"sha256:{'ab' * 32}"


@pytest.mark.parametrize(
    ("release", "edge"),
    [("parley", "parley-edge"), ("my-parley", "my-parley-edge"), ("chat", "chat-parley-edge")],
)
def test_objects_are_named_for_the_release(release: str, edge: str) -> None:
    objects = render(release=release)

    assert named(objects, "Deployment", edge)
    assert environment(objects, "edge")["PARLEY_RELEASE"] == release


@pytest.mark.parametrize(
    ("values", "image"),
    [
        ({}, "parley-edge:0.1.0"),
        ({"image": {"tag": "dev"}}, "parley-edge:dev"),
        ({"image": {"tag": "dev"}, "edge": {"image": {"tag": "own"}}}, "parley-edge:own"),
        ({"edge": {"image": {"tag": "own", "digest": DIGEST}}}, f"parley-edge@{DIGEST}"),
        (
            {"global": {"imageRegistry": "example.com/team/"}, "edge": {"image": {"tag": "1"}}},
            "example.com/team/parley-edge:1",
        ),
    ],
)
def test_an_image_is_named_by_registry_and_tag_or_digest(values: Object, image: str) -> None:
    objects = render(values)

    assert container(objects, "edge")["image"] == image
    assert container(objects, "test")["image"] == image


@each_case
def test_probes_ask_the_admin_port(values: Path) -> None:
    objects = rendered(values)

    for part in kinds(objects, "Deployment"):
        own = container(objects, part)
        paths = {
            probe: own[f"{probe}Probe"]["httpGet"] for probe in ("startup", "liveness", "readiness")
        }
        assert paths == {
            "startup": {"path": "/healthz", "port": "admin"},
            "liveness": {"path": "/healthz", "port": "admin"},
            "readiness": {"path": "/readyz", "port": "admin"},
        }
        assert own["readinessProbe"]["periodSeconds"] == 1
        assert own["readinessProbe"]["failureThreshold"] == 2


@each_case
def test_a_rollout_takes_nobody_away_before_the_next_is_there(values: Path) -> None:
    for one in of_kind(rendered(values), "Deployment"):
        strategy = one["spec"]["strategy"]
        if component(one) == "operator":
            assert strategy == {"type": "Recreate"}
        else:
            assert strategy["rollingUpdate"]["maxUnavailable"] == 0


def test_pods_of_one_revision_are_spread() -> None:
    for part in PARTS:
        spread = template(rendered(case("defaults")), part)["spec"]["topologySpreadConstraints"]
        assert [each["topologyKey"] for each in spread] == ["kubernetes.io/hostname"]
        assert all(each["matchLabelKeys"] == ["pod-template-hash"] for each in spread)


@pytest.mark.parametrize(
    ("values", "budgets"),
    [
        ({}, {"edge", "conversation"}),
        ({"edge": {"replicas": 1}, "presence": {"replicas": 2}}, {"conversation", "presence"}),
        ({"edge": {"autoscaling": {"enabled": True, "minReplicas": 1}}}, {"conversation"}),
        (
            {"presence": {"replicas": 1, "autoscaling": {"enabled": True, "minReplicas": 2}}},
            {"edge", "conversation", "presence"},
        ),
        ({"edge": {"podDisruptionBudget": {"enabled": False}}}, {"conversation"}),
    ],
)
def test_a_budget_is_there_where_one_pod_may_go(values: Object, budgets: set[str]) -> None:
    objects = render(values)

    assert kinds(objects, "PodDisruptionBudget") == budgets
    for one in of_kind(objects, "PodDisruptionBudget"):
        assert one["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


@pytest.mark.parametrize(
    ("name", "kind", "other"),
    [
        ("everything", "HorizontalPodAutoscaler", "ScaledObject"),
        ("keda", "ScaledObject", "HorizontalPodAutoscaler"),
    ],
)
def test_who_is_scaled_has_no_number_of_its_own_and_one_scaler(
    name: str, kind: str, other: str
) -> None:
    objects = rendered(case(name))
    deployments = of_kind(objects, "Deployment")

    scaled = {component(one) for one in deployments if "replicas" not in one["spec"]}

    assert scaled == kinds(objects, kind) == {"edge", "conversation", "presence"}
    assert not of_kind(objects, other)
    targets = {one["spec"]["scaleTargetRef"]["name"] for one in of_kind(objects, kind)}
    assert targets <= {one["metadata"]["name"] for one in deployments}


def test_a_parts_own_values_go_before_those_of_all() -> None:
    objects = render(
        {
            "pods": {"minReadySeconds": 9, "topologySpread": {"enabled": True}},
            "edge": {"minReadySeconds": 0, "topologySpread": {"enabled": False}},
        }
    )

    def ready(part: str) -> Any:
        return named(objects, "Deployment", f"parley-{part}")["spec"]["minReadySeconds"]

    assert (ready("edge"), ready("presence")) == (0, 9)
    assert "topologySpreadConstraints" not in template(objects, "edge")["spec"]
    assert "topologySpreadConstraints" in template(objects, "presence")["spec"]


def test_a_map_of_a_part_is_joined_with_that_of_all() -> None:
    objects = render({"edge": {"securityContext": {"readOnlyRootFilesystem": False}}})

    assert container(objects, "edge")["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": False,
    }


def test_another_config_makes_other_pods_and_leaves_redis_alone() -> None:
    one, other = render(), render({"settings": {"system": {"log_level": "ERROR"}}})

    changed = {part for part in PARTS if template(one, part) != template(other, part)}

    assert changed == set(PARTS)
    assert template(one, "redis") == template(other, "redis")


def test_the_password_of_redis_is_in_the_url_and_in_no_pod() -> None:
    objects = render()
    secret = named(objects, "Secret", "parley-redis")["data"]
    password, url = (base64.b64decode(secret[key]).decode() for key in ("password", "url"))

    assert url == f"redis://:{password}@parley-redis:6379/0"
    assert len(password) == 40
    assert password not in str(of_kind(objects, "Deployment", "StatefulSet", "ConfigMap"))


def test_tls_is_the_edges_and_the_test_speaks_it() -> None:
    objects = rendered(case("everything"))

    env = environment(objects, "edge")
    (port,) = named(objects, "Service", "chat-edge")["spec"]["ports"]

    assert env["SSL_CERTFILE"].startswith("/etc/parley-tls/")
    assert port["appProtocol"] == "kubernetes.io/wss"
    assert container(objects, "test")["args"][0] == "wss://chat-edge:8765/ws"


def test_a_route_of_a_gateway_has_no_time_limit() -> None:
    (route,) = of_kind(rendered(case("gateway")), "HTTPRoute")

    assert [rule["timeouts"]["request"] for rule in route["spec"]["rules"]] == ["0s"]


def test_drains_are_kept_and_theirs_is_the_projects_one_definition() -> None:
    (crd,) = of_kind(rendered(case("defaults")), "CustomResourceDefinition")

    assert crd["metadata"]["name"] == "drains.parley.dev"
    assert crd["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
