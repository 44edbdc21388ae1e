"""Who may speak to whom by Kubernetes' network policies: selectors and ports, evaluated both ways.

A flow passes if a policy of its source lets it out and one of its target lets it in; where no
policy of a direction selects a pod, everything does. What is outside the cluster has no policies.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any

Object = Mapping[str, Any]
NAME_LABEL = "kubernetes.io/metadata.name"
"""The label that every namespace has of its name."""


@dataclass(frozen=True, slots=True)
class Pod:
    """`ports` by name."""

    name: str
    namespace: str
    labels: Mapping[str, str]
    ports: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outside:
    """An address that is no pod's."""

    name: str
    address: str


Peer = Pod | Outside


@dataclass(frozen=True, slots=True)
class Flow:
    """`port`: the target's number."""

    source: Peer
    target: Peer
    port: int
    protocol: str = "TCP"


def passes(flow: Flow, policies: Iterable[Object]) -> bool:
    """Whether it is let out and let in."""
    policies = list(policies)
    return _lets(flow, policies, leaving=True) and _lets(flow, policies, leaving=False)


def _lets(flow: Flow, policies: Iterable[Object], *, leaving: bool) -> bool:
    here, there = (flow.source, flow.target) if leaving else (flow.target, flow.source)
    if isinstance(here, Outside):
        return True
    direction = "Egress" if leaving else "Ingress"
    selecting = [policy for policy in policies if _is_about(policy, here, direction)]
    rules = [rule for policy in selecting for rule in policy["spec"].get(direction.lower()) or ()]
    peers = "to" if leaving else "from"
    return not selecting or any(
        _has_port(rule, flow) and _has_peer(rule.get(peers), there, home=here.namespace)
        for rule in rules
    )


def _is_about(policy: Object, pod: Pod, direction: str) -> bool:
    spec = policy["spec"]
    return (
        direction in spec["policyTypes"]
        and policy["metadata"]["namespace"] == pod.namespace
        and selects(spec["podSelector"], pod.labels)
    )


def _has_port(rule: Object, flow: Flow) -> bool:
    ports = rule.get("ports")
    return not ports or any(
        each.get("protocol", "TCP") == flow.protocol and _number(each["port"], flow) == flow.port
        for each in ports
    )


def _number(port: int | str, flow: Flow) -> int | None:
    """A name is one of the target's; what is outside has no names."""
    if isinstance(port, int):
        return port
    return flow.target.ports.get(port) if isinstance(flow.target, Pod) else None


def _has_peer(peers: list[Object] | None, peer: Peer, *, home: str) -> bool:
    return not peers or any(_is_peer(each, peer, home=home) for each in peers)


def _is_peer(described: Object, peer: Peer, *, home: str) -> bool:
    if "ipBlock" in described:
        return isinstance(peer, Outside) and _is_in(described["ipBlock"], peer.address)
    if isinstance(peer, Outside):
        return False
    spaces = described.get("namespaceSelector", {"matchLabels": {NAME_LABEL: home}})
    pods = described.get("podSelector", {})
    return selects(spaces, {NAME_LABEL: peer.namespace}) and selects(pods, peer.labels)


def _is_in(block: Object, address: str) -> bool:
    where = ip_address(address)
    excepted = any(where in ip_network(each) for each in block.get("except", ()))
    return where in ip_network(block["cidr"]) and not excepted


def selects(selector: Object, labels: Mapping[str, str]) -> bool:
    """A label selector; the empty one selects everything."""
    wanted = selector.get("matchLabels", {})
    return all(labels.get(name) == value for name, value in wanted.items()) and all(
        _holds(each, labels) for each in selector.get("matchExpressions", ())
    )


def _holds(expression: Object, labels: Mapping[str, str]) -> bool:
    value, values = labels.get(expression["key"]), expression.get("values", ())
    match expression["operator"]:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case _:  # DoesNotExist: the API knows no other
            return value is None
