"""Drain objects: why a pod is drained, how far it is, and which pods somebody named."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NewType

from parley_operator.domain.pods import Body, Pod, PodName, seconds

DrainName = NewType("DrainName", str)


class Phase(StrEnum):
    """`Pending -> Draining -> Drained | Failed`, and `TakenBack` from any but `Failed`."""

    PENDING = "Pending"
    DRAINING = "Draining"
    DRAINED = "Drained"
    FAILED = "Failed"
    TAKEN_BACK = "TakenBack"


REASON = "parley.dev/reason"
"""The label by which an object of the operator's own says why it is there."""
ENDED = frozenset({Phase.DRAINED, Phase.FAILED, Phase.TAKEN_BACK})


class Reason(StrEnum):
    """Why a pod is drained; a label of the object, and a CamelCase reason of its condition."""

    DELETED = "Deleted"
    CORDONED = "NodeCordoned"
    NOT_READY = "NodeNotReady"
    ASKED = "Asked"


FOR_NODES = frozenset({Reason.CORDONED, Reason.NOT_READY})


@dataclass(frozen=True, slots=True)
class Requirement:
    """One of a selector's `matchExpressions`."""

    key: str
    operator: str
    values: frozenset[str] = frozenset()

    def holds(self, labels: Mapping[str, str]) -> bool:
        match self.operator:
            case "In":
                return labels.get(self.key) in self.values
            case "NotIn":
                return labels.get(self.key) not in self.values
            case "Exists":
                return self.key in labels
            case "DoesNotExist":
                return self.key not in labels
        return False


@dataclass(frozen=True, slots=True)
class Asked:
    """A Drain object: `pod`, or all that a selector matches. `pods`: those that it was about.

    `within`: seconds, None if the operator is to say. `ended`: Unix seconds.
    """

    name: DrainName
    reason: Reason
    phase: Phase | None = None
    pod: PodName | None = None
    within: float | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    requirements: tuple[Requirement, ...] = ()
    pods: tuple[PodName, ...] = ()
    started: str | None = None
    ended: float | None = None

    def matches(self, pod: Pod) -> bool:
        """An empty selector matches nothing: who wants all pods drained has to say so."""
        if self.pod is not None:
            return pod.name == self.pod
        if not self.labels and not self.requirements:
            return False
        is_labelled = all(pod.labels.get(key) == value for key, value in self.labels.items())
        return is_labelled and all(rule.holds(pod.labels) for rule in self.requirements)


def is_old(asked: Asked, *, pods: Iterable[PodName], now: float, retention: float) -> bool:
    """Whether the object says nothing any more that matters.

    As long as a drained pod is there the object is what keeps it drained: deleting it takes the
    pod back.
    """
    if asked.phase not in ENDED or asked.ended is None or now - asked.ended < retention:
        return False
    return not holds_pods(asked, pods=pods)


def holds_pods(asked: Asked, *, pods: Iterable[PodName]) -> bool:
    """Whether pods are out of service because of it."""
    return asked.phase is Phase.DRAINED and not set(asked.pods).isdisjoint(pods)


def asked_of(body: Body) -> Asked:
    """From an object of the API, as JSON says it."""
    metadata, spec, status = body["metadata"], body.get("spec") or {}, body.get("status") or {}
    selector = spec.get("selector") or {}
    return Asked(
        name=DrainName(metadata["name"]),
        reason=_reason((metadata.get("labels") or {}).get(REASON)),
        phase=Phase(status["phase"]) if status.get("phase") else None,
        pod=spec.get("pod"),
        within=spec.get("within"),
        labels=selector.get("matchLabels") or {},
        requirements=_requirements(selector),
        pods=tuple(status.get("pods") or ()),
        started=status.get("startedAt"),
        ended=seconds(status.get("finishedAt")),
    )


def _reason(label: str | None) -> Reason:
    return Reason(label) if label in set(Reason) else Reason.ASKED


def _requirements(selector: Body) -> tuple[Requirement, ...]:
    return tuple(
        Requirement(rule["key"], rule["operator"], frozenset(rule.get("values") or ()))
        for rule in selector.get("matchExpressions") or ()
    )
