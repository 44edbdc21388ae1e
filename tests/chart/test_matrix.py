"""Every value file: what helm says of it, and whether each API knows all that it renders."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from jsonschema import ValidationError
from kubernetes_validate.utils import ValidationError as KubernetesError

from parley_testing.chart.flows import selects
from parley_testing.chart.rendering import (
    CASES,
    NAMESPACE,
    RELEASE,
    Object,
    case,
    each_case,
    helm,
    of_kind,
    rendered,
    templates,
)
from parley_testing.chart.schemas import VERSIONS, check, check_foreign, is_foreign
from parley_testing.repository import CHART

pytestmark = pytest.mark.e2e

FOREIGN = {"Certificate", "HTTPRoute", "PodMonitor", "ScaledObject", "ServiceMonitor"}
CLIENT_ONLY = ("--dry-run=client", "--namespace", NAMESPACE)
LABELS = {
    "app.kubernetes.io/component",
    "app.kubernetes.io/instance",
    "app.kubernetes.io/managed-by",
    "app.kubernetes.io/name",
    "app.kubernetes.io/version",
    "helm.sh/chart",
}


@each_case
def test_the_strict_linter_has_nothing_to_say(values: Path) -> None:
    told = helm("lint", "--strict", str(CHART), "--values", str(values))

    assert "0 chart(s) failed" in told


@pytest.mark.parametrize("kubernetes", VERSIONS)
@each_case
def test_kubernetes_knows_everything_that_is_rendered(values: Path, kubernetes: str) -> None:
    ours = [one for one in rendered(values) if not is_foreign(one)]

    for one in ours:
        check(one, kubernetes=kubernetes)

    assert {"Deployment", "Service", "Secret"} & {one["kind"] for one in ours}


def test_a_field_that_kubernetes_does_not_know_is_found() -> None:
    (policy, *_) = of_kind(rendered(case("defaults")), "NetworkPolicy")
    wrong = {**policy, "spec": {**policy["spec"], "ingres": []}}

    with pytest.raises(KubernetesError):
        check(wrong, kubernetes=VERSIONS[-1])


@each_case
def test_kinds_of_others_are_as_those_define_them(values: Path) -> None:
    theirs = [one for one in rendered(values) if is_foreign(one)]

    for one in theirs:
        check_foreign(one)


@pytest.mark.parametrize("kind", sorted(FOREIGN))
def test_every_kind_of_others_is_rendered_and_its_schema_refuses_what_it_does_not_know(
    kind: str,
) -> None:
    one = next(each for path in CASES for each in of_kind(rendered(path), kind))
    wrong = {**one, "spec": {**one["spec"], "unknown": 1}}

    with pytest.raises(ValidationError):
        check_foreign(wrong)


@each_case
def test_every_object_says_whose_and_what_it_is(values: Path) -> None:
    for one in rendered(values):
        if one["kind"] != "CustomResourceDefinition":
            assert one["metadata"]["labels"].keys() >= LABELS, one["metadata"]["name"]
            assert one["metadata"].get("namespace", NAMESPACE) == NAMESPACE


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("defaults", "port-forward service/parley-edge 8765:8765\n  ws://127.0.0.1:8765/ws"),
        ("dev", "ws://$NODE:$PORT/ws"),
        ("everything", "wss://chat.example.com/ws\n  wss://chat.example.org/ws"),
        ("gateway", "wss://chat.example.com/ws"),
        ("certificate", "wss://ADDRESS:443/ws"),
    ],
)
def test_the_notes_say_how_to_connect(name: str, told: str) -> None:
    notes = helm("install", RELEASE, str(CHART), *CLIENT_ONLY, "--values", str(case(name)))

    assert told in notes


@each_case
def test_no_two_objects_have_one_name(values: Path) -> None:
    names = [(one["kind"], one["metadata"]["name"]) for one in rendered(values)]

    assert len(names) == len(set(names))


@each_case
def test_services_find_a_port_in_pods(values: Path) -> None:
    pods = list(templates(rendered(values)))

    for service in of_kind(rendered(values), "Service"):
        found = [pod for pod in pods if selects_pod(service["spec"]["selector"], pod)]
        ports = {port["name"] for pod in found for port in ports_of(pod)}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports


@each_case
def test_budgets_and_deployments_select_their_own_pods_only(values: Path) -> None:
    pods = list(templates(rendered(values)))

    for one in of_kind(rendered(values), "PodDisruptionBudget", "Deployment", "StatefulSet"):
        found = [pod for pod in pods if selects(one["spec"]["selector"], labels(pod))]
        component = one["metadata"]["labels"]["app.kubernetes.io/component"]
        assert [labels(pod)["app.kubernetes.io/component"] for pod in found] == [component]


@each_case
def test_what_pods_mount_and_read_is_rendered_or_was_named_by_the_user(values: Path) -> None:
    objects = rendered(values)
    there = {one["metadata"]["name"] for one in of_kind(objects, "Secret", "ConfigMap")}
    given = yaml.safe_dump(yaml.safe_load(values.read_text("utf-8")))
    certificates = {one["spec"]["secretName"] for one in of_kind(objects, "Certificate")}

    for name in {name for pod in templates(objects) for name in sources(pod["spec"])}:
        assert name in there | certificates or name in given, name


def selects_pod(wanted: dict[str, str], pod: Object) -> bool:
    return selects({"matchLabels": wanted}, labels(pod))


def labels(pod: Object) -> dict[str, str]:
    return dict(pod["metadata"]["labels"])


def ports_of(pod: Object) -> list[Object]:
    return [port for each in pod["spec"]["containers"] for port in each.get("ports", ())]


def sources(spec: Object) -> set[str]:
    """Names of the secrets and config maps that a pod cannot start without."""
    volumes = spec.get("volumes", ())
    variables = [each for one in spec["containers"] for each in one.get("env", ())]
    references = [each["valueFrom"] for each in variables if "valueFrom" in each]
    return (
        {each["configMap"]["name"] for each in volumes if "configMap" in each}
        | {each["secret"]["secretName"] for each in volumes if "secret" in each}
        | {each["secretKeyRef"]["name"] for each in references if "secretKeyRef" in each}
        | {each["configMapKeyRef"]["name"] for each in references if "configMapKeyRef" in each}
    )
