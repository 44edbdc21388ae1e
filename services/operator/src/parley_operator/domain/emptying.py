"""Which pods are drained because their node is to be emptied, before anybody deletes them.

Only while another ready, undrained pod of the same kind runs on a good node, so that nobody is cut
off when all nodes are cordoned; and one at a time per kind, so that the others keep up.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from parley_operator.domain.drains import Reason
from parley_operator.domain.pods import DRAINABLE, Node, NodeName, Pod, PodName


@dataclass(frozen=True, slots=True)
class Drained:
    """Pods that are drained, whoever asked for it.

    `running`: not all has moved yet. `for_nodes`: drained for their node's sake, finished or not.
    `failed`: tried a moment ago without success.
    """

    running: frozenset[PodName] = frozenset()
    all: frozenset[PodName] = frozenset()
    for_nodes: frozenset[PodName] = frozenset()
    failed: frozenset[PodName] = frozenset()


@dataclass(frozen=True, slots=True)
class Plan:
    """What to begin, with the reason, and what to take back."""

    begin: Mapping[PodName, Reason]
    take_back: frozenset[PodName]


def plan(pods: Collection[Pod], *, nodes: Mapping[NodeName, Node], drained: Drained) -> Plan:
    """A node that nobody knows of is good: it may be newer than the last look."""
    begin: dict[PodName, Reason] = {}
    take_back: set[PodName] = set()
    for kind in sorted(DRAINABLE):
        same = [pod for pod in pods if pod.kind == kind and not pod.is_over]
        has_other = any(_stays(pod, nodes, drained) for pod in same)
        take_back |= _to_take_back(same, nodes, drained, has_other=has_other)
        is_busy = any(pod.name in drained.running for pod in same)
        if has_other and not is_busy:
            begin |= _next(same, nodes, drained)
    return Plan(begin, frozenset(take_back))


def why(node: Node | None) -> Reason | None:
    """Why pods should leave the node, if they should."""
    if node is None or node.is_good:
        return None
    return Reason.CORDONED if not node.is_schedulable else Reason.NOT_READY


def _stays(pod: Pod, nodes: Mapping[NodeName, Node], drained: Drained) -> bool:
    return pod.is_serving and pod.name not in drained.all and why(_node(pod, nodes)) is None


def _to_take_back(
    pods: Iterable[Pod], nodes: Mapping[NodeName, Node], drained: Drained, *, has_other: bool
) -> set[PodName]:
    return {
        pod.name
        for pod in pods
        if pod.name in drained.for_nodes
        and not pod.is_going
        and (why(_node(pod, nodes)) is None or not has_other)
    }


def _next(
    pods: Iterable[Pod], nodes: Mapping[NodeName, Node], drained: Drained
) -> dict[PodName, Reason]:
    """The first by name, so that a repeat names the same; those that failed come last."""
    waiting = {
        pod.name: reason
        for pod in pods
        if not pod.is_going
        and pod.name not in drained.all | drained.failed
        and (reason := why(_node(pod, nodes))) is not None
    }
    return {name: waiting[name] for name in sorted(waiting)[:1]}


def _node(pod: Pod, nodes: Mapping[NodeName, Node]) -> Node | None:
    return None if pod.node is None else nodes.get(pod.node)
