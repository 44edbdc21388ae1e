"""Who may speak to whom: a table of named flows, held against the rendered network policies."""

from __future__ import annotations

from itertools import product

import pytest

from parley_testing.chart.flows import Flow, Outside, Peer, Pod, passes
from parley_testing.chart.rendering import (
    NAMESPACE,
    PARTS,
    Object,
    case,
    component,
    named,
    of_kind,
    render,
    rendered,
    templates,
)

pytestmark = pytest.mark.e2e

WEBSOCKET, HTTP, ADMIN, REDIS, TLS, API, DNS = 8765, 8780, 8766, 6379, 443, 6443, 53
OURS = (*PARTS, "redis", "test")

AROUND: dict[str, Peer] = {
    "neighbour": Pod("neighbour", NAMESPACE, {"app": "shop"}),
    "gateway": Pod("gateway", "gateways", {"app": "envoy"}),
    "prometheus": Pod("prometheus", "monitoring", {"app.kubernetes.io/name": "prometheus"}),
    # The same chart beside us: its pods are not ours.
    "other release": Pod(
        "other",
        NAMESPACE,
        {
            "app.kubernetes.io/name": "parley",
            "app.kubernetes.io/instance": "other",
            "app.kubernetes.io/component": "edge",
        },
    ),
    "dns": Pod("dns", "kube-system", {"k8s-app": "kube-dns"}, {"dns": DNS}),
    "postgres": Pod("postgres", NAMESPACE, {"app": "postgres"}),
    "client": Outside("client", "198.51.100.7"),
    "model": Outside("model", "203.0.113.9"),
    "api server": Outside("api server", "10.96.0.1"),
    "metadata": Outside("metadata", "169.254.169.254"),
    "intranet": Outside("intranet", "10.20.30.40"),
}
INSIDE = ("neighbour", "gateway", "prometheus", "other release")
"""Pods that are not of the release and may send what they like."""
PORTS = (WEBSOCKET, HTTP, ADMIN, REDIS)

Named = tuple[str, str, int]
"""Source, target, port."""

BETWEEN_OURS: set[Named] = {
    *((part, "redis", REDIS) for part in PARTS),
    *(("operator", part, ADMIN) for part in ("edge", "conversation", "presence")),
    ("test", "edge", WEBSOCKET),
}
INTO: set[Named] = {
    *((source, "edge", WEBSOCKET) for source in (*INSIDE, "client")),
    *((source, api, HTTP) for source in ("neighbour", "other release") for api in PARTS[1:3]),
    *(("prometheus", part, ADMIN) for part in PARTS),
}
OUT_OF: set[Named] = {
    *((part, "dns", DNS) for part in (*PARTS, "test")),
    ("conversation", "model", TLS),
    ("conversation", "client", TLS),
    *(("operator", "api server", port) for port in (TLS, API)),
}
# Where the API server is nobody can know: the operator may reach anything at its ports.
ANYWHERE = {
    ("operator", target, port)
    for target in ("model", "client", "metadata", "intranet", "postgres")
    for port in (TLS, API)
}


def peers(objects: tuple[Object, ...]) -> dict[str, Peer]:
    return AROUND | {
        component(pod): Pod(
            component(pod),
            NAMESPACE,
            pod["metadata"]["labels"],
            {
                port["name"]: port["containerPort"]
                for each in pod["spec"]["containers"]
                for port in each.get("ports", ())
            },
        )
        for pod in templates(objects)
    }


def passing(objects: tuple[Object, ...], flows: set[Named]) -> set[Named]:
    """Those of `flows` that the policies let pass."""
    policies, there = of_kind(objects, "NetworkPolicy"), peers(objects)
    return {
        (source, target, port)
        for source, target, port in flows
        if passes(_flow(there[source], there[target], port), policies)
    }


def _flow(source: Peer, target: Peer, port: int) -> Flow:
    return Flow(source, target, port, "UDP" if port == DNS else "TCP")


def table(sources: tuple[str, ...], targets: tuple[str, ...], ports: tuple[int, ...]) -> set[Named]:
    """Every flow from one of these to another, at any of the ports."""
    return {each for each in product(sources, targets, ports) if each[0] != each[1]}


def test_parts_reach_each_other_by_the_named_flows_and_no_other() -> None:
    flows = table(OURS, OURS, (*PORTS, TLS))

    assert passing(rendered(case("defaults")), flows) == BETWEEN_OURS


def test_what_is_not_of_the_release_reaches_it_by_the_named_flows_and_no_other() -> None:
    flows = table((*INSIDE, "client"), OURS, PORTS)

    assert passing(rendered(case("defaults")), flows) == INTO


def test_the_release_reaches_the_rest_by_the_named_flows_and_no_other() -> None:
    targets = ("dns", "model", "client", "api server", "metadata", "intranet", "postgres")
    flows = table(OURS, targets, (DNS, 80, TLS, API, 5432)) - table(OURS, targets[1:], (DNS,))

    found = passing(rendered(case("defaults")), flows)

    assert found - {("operator", "dns", TLS), ("operator", "dns", API)} == OUT_OF | ANYWHERE


def test_a_redis_of_ones_own_is_reached_at_its_ports_wherever_it_is() -> None:
    flows = table(PARTS, ("intranet", "client"), (REDIS, 26379, 6380))

    found = passing(rendered(case("external-redis")), flows)

    assert found == table(PARTS, ("intranet", "client"), (REDIS, 26379))


def test_named_clients_keep_all_others_out_but_the_test() -> None:
    objects = rendered(case("gateway"))
    flows = table((*INSIDE, "client", *OURS), ("edge", "conversation", "presence"), PORTS)

    found = passing(objects, flows)

    assert found == {
        ("gateway", "edge", WEBSOCKET),
        *(each for each in BETWEEN_OURS if each[1] != "redis"),
    }


def test_named_ways_out_are_the_only_ones() -> None:
    objects = rendered(case("gateway"))
    targets = ("dns", "model", "client", "api server", "metadata", "intranet", "postgres")
    flows = table(OURS, targets, (80, TLS, 8443, API, 5432))

    found = passing(objects, flows)

    assert found == {
        ("conversation", "model", 8443),
        ("conversation", "postgres", 5432),
        ("operator", "api server", API),
    }


def test_without_an_operator_nobody_but_prometheus_comes_to_admin_ports() -> None:
    objects = render({"operator": {"enabled": False}})
    ours = tuple(part for part in OURS if part != "operator")

    found = passing(objects, table((*INSIDE, *ours), ours, (ADMIN,)))

    assert found == {("prometheus", part, ADMIN) for part in ("edge", "conversation", "presence")}


def test_one_policy_denies_everything_to_every_pod_of_the_release_and_to_no_other() -> None:
    objects = rendered(case("defaults"))
    deny = named(objects, "NetworkPolicy", "parley-default-deny")
    everybody = [peer for peer in peers(objects).values() if isinstance(peer, Pod)]

    silenced = {
        pod.name
        for pod in everybody
        if not passes(Flow(pod, AROUND["model"], TLS), [deny])
        and not passes(Flow(AROUND["client"], pod, WEBSOCKET), [deny])
    }

    assert silenced == set(OURS)


def test_policies_can_be_left_out() -> None:
    assert not of_kind(rendered(case("bare")), "NetworkPolicy")
