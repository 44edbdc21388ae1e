"""The judge of network policies, on policies whose meaning Kubernetes' documentation states."""

from __future__ import annotations

from typing import Any

import pytest

from parley_testing.chart.flows import Flow, Outside, Pod, passes, selects

WEB = Pod("web", "shop", {"app": "web"}, {"http": 8080})
DB = Pod("db", "shop", {"app": "db"}, {"sql": 5432})
STRANGER = Pod("stranger", "other", {"app": "web"})
INTERNET = Outside("internet", "198.51.100.7")


def policy(about: dict[str, str], **rules: Any) -> dict[str, Any]:
    types = [each for each in ("Ingress", "Egress") if each.lower() in rules]
    spec = {"podSelector": {"matchLabels": about}, "policyTypes": types, **rules}
    return {"metadata": {"namespace": "shop"}, "spec": spec}


def test_without_policies_everything_passes() -> None:
    assert passes(Flow(STRANGER, DB, 5432), [])


def test_who_is_selected_takes_only_what_a_rule_names() -> None:
    policies = [policy({"app": "db"}, ingress=[])]

    assert not passes(Flow(WEB, DB, 5432), policies)
    assert passes(Flow(DB, WEB, 8080), policies)


def test_rules_of_several_policies_add_up() -> None:
    rule = {"from": [{"podSelector": {"matchLabels": {"app": "web"}}}]}
    policies = [policy({}, ingress=[]), policy({"app": "db"}, ingress=[rule])]

    assert passes(Flow(WEB, DB, 5432), policies)


def test_both_ends_have_to_agree() -> None:
    into = policy({"app": "db"}, ingress=[{}])
    out = policy({"app": "web"}, egress=[])

    assert passes(Flow(WEB, DB, 5432), [into])
    assert not passes(Flow(WEB, DB, 5432), [into, out])


def test_a_pod_selector_alone_means_the_policys_own_namespace() -> None:
    policies = [policy({"app": "db"}, ingress=[{"from": [{"podSelector": {}}]}])]

    assert passes(Flow(WEB, DB, 5432), policies)
    assert not passes(Flow(STRANGER, DB, 5432), policies)


def test_a_policy_is_about_pods_of_its_own_namespace() -> None:
    policies = [policy({"app": "web"}, egress=[])]

    assert not passes(Flow(WEB, INTERNET, 443), policies)
    assert passes(Flow(STRANGER, INTERNET, 443), policies)


def test_both_selectors_of_one_peer_have_to_hold() -> None:
    peer = {"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "web"}}}
    policies = [policy({"app": "db"}, ingress=[{"from": [peer]}])]

    assert passes(Flow(STRANGER, DB, 5432), policies)
    assert not passes(Flow(Pod("x", "other", {}), DB, 5432), policies)


def test_a_namespace_is_named_by_its_label() -> None:
    peer = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "other"}}}
    policies = [policy({"app": "db"}, ingress=[{"from": [peer]}])]

    assert passes(Flow(STRANGER, DB, 5432), policies)
    assert not passes(Flow(WEB, DB, 5432), policies)


@pytest.mark.parametrize(("port", "expected"), [("sql", True), ("http", False), (5432, True)])
def test_a_ports_name_is_the_targets(*, port: int | str, expected: bool) -> None:
    policies = [policy({"app": "web"}, egress=[{"ports": [{"port": port}]}])]

    assert passes(Flow(WEB, DB, 5432), policies) is expected


def test_a_rule_is_for_its_protocol() -> None:
    policies = [policy({"app": "web"}, egress=[{"ports": [{"port": 53, "protocol": "UDP"}]}])]

    assert passes(Flow(WEB, INTERNET, 53, "UDP"), policies)
    assert not passes(Flow(WEB, INTERNET, 53), policies)


@pytest.mark.parametrize(
    ("address", "expected"), [("198.51.100.7", True), ("10.1.2.3", False), ("2001:db8::1", False)]
)
def test_a_block_has_exceptions_and_no_pods(*, address: str, expected: bool) -> None:
    block = {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}}
    policies = [policy({"app": "web"}, egress=[{"to": [block]}])]

    assert passes(Flow(WEB, Outside("there", address), 443), policies) is expected
    assert not passes(Flow(WEB, DB, 443), policies)


@pytest.mark.parametrize(
    ("operator", "values", "expected"),
    [
        ("In", ["web", "db"], True),
        ("In", ["db"], False),
        ("NotIn", ["db"], True),
        ("NotIn", ["web"], False),
        ("Exists", [], True),
        ("DoesNotExist", [], False),
    ],
)
def test_expressions_of_selectors(*, operator: str, values: list[str], expected: bool) -> None:
    expression = {"key": "app", "operator": operator, "values": values}

    assert selects({"matchExpressions": [expression]}, WEB.labels) is expected
