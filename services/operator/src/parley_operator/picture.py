"""What the operator knows of the cluster: the newest that an event or a full look said."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from parley_operator import metrics
from parley_operator.domain.deaths import LISTS
from parley_operator.domain.pods import Node, NodeName, Pod, PodName

_REMEMBERED = 1_000
"""Pods that are gone and not to be believed of a list that is older than the news; enough for what
a release deletes while one list is under way."""


class Picture:
    """Pods and nodes. `clock` counts seconds."""

    def __init__(self, *, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._gone: deque[str] = deque(maxlen=_REMEMBERED)
        self._missing: dict[PodName, int] = {}
        self.pods: dict[PodName, Pod] = {}
        self.nodes: dict[NodeName, Node] = {}
        self.looked = clock()
        """When the last news came, if it was only that all is as it was."""

    @property
    def age(self) -> float:
        """Seconds without news."""
        return self._clock() - self.looked

    def touch(self) -> None:
        """There was an event, or a full look."""
        self.looked = self._clock()

    def see(self, pod: Pod) -> Pod | None:
        """A pod as it is now; what was known of it before, if it is news."""
        if pod.uid in self._gone:
            return None
        before, self.pods[pod.name] = self.pods.get(pod.name), pod
        self._count()
        return before

    def knows(self, pod: Pod) -> bool:
        """Whether the pod is there, as far as anybody said."""
        return pod.uid not in self._gone

    def lose(self, pod: Pod) -> None:
        """The pod is gone."""
        self._gone.append(pod.uid)
        self._missing.pop(pod.name, None)
        known = self.pods.get(pod.name)
        if known is not None and known.uid == pod.uid:
            del self.pods[pod.name]
        self._count()

    def missing_from(self, listed: Iterable[Pod]) -> tuple[Pod, ...]:
        """Pods that this full list and the one before did not have: their end was not told."""
        there = {pod.name for pod in listed}
        absent = self.pods.keys() - there
        self._missing = {name: self._missing.get(name, 0) + 1 for name in absent}
        return tuple(self.pods[name] for name in absent if self._missing[name] >= LISTS)

    @property
    def has_missing(self) -> bool:
        """Whether another look should be taken soon."""
        return bool(self._missing)

    def see_node(self, node: Node) -> None:
        self.nodes[node.name] = node

    def lose_node(self, name: NodeName) -> None:
        self.nodes.pop(name, None)

    def replace_nodes(self, nodes: Iterable[Node]) -> None:
        """All that there are."""
        self.nodes = {node.name: node for node in nodes}

    def _count(self) -> None:
        counts = dict.fromkeys((pod.kind for pod in self.pods.values()), 0)
        for pod in self.pods.values():
            counts[pod.kind] += 1
        metrics.PODS.clear()
        for kind, count in counts.items():
            metrics.PODS.labels(kind).set(count)
