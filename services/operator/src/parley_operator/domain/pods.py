"""A pod and a node as the operator sees them: facts taken from the API's objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NewType

PodName = NewType("PodName", str)
NodeName = NewType("NodeName", str)

EDGE = "edge"
CONVERSATION = "conversation"
DRAINABLE = frozenset({EDGE, CONVERSATION})
"""Kinds that hold something which can move: connections, sessions."""
COST = "controller.kubernetes.io/pod-deletion-cost"
"""The annotation by which a scale-down chooses: the lowest goes first."""
_LONGEST_PREFIX = 200
"""Characters of a pod's name in those of objects about it, which may have 253."""
_KIND = "app.kubernetes.io/component"
_OVER = frozenset({"Succeeded", "Failed"})

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Container:
    """The newest state of the container that has the pod's process.

    Times are Unix seconds by the node's clock, cut to whole seconds by the API. `started`: the run
    that is under way, None if none is. `ended` and `exit_code`: the last run that is over.
    """

    id: str
    restarts: int
    started: float | None
    ended: float | None = None
    exit_code: int | None = None


@dataclass(frozen=True, slots=True)
class Pod:
    """`kind` is the component it runs. `grace`: seconds that it has, or had, from its deletion."""

    name: PodName
    uid: str
    kind: str
    node: NodeName | None
    is_going: bool
    is_over: bool
    is_ready: bool
    grace: float
    container: Container | None
    cost: int | None
    labels: Mapping[str, str]

    @property
    def prefix(self) -> str:
        """What names of objects about it begin with."""
        return self.name[:_LONGEST_PREFIX]

    @property
    def is_serving(self) -> bool:
        """It takes work, and will go on to."""
        return self.is_ready and not self.is_going and not self.is_over


@dataclass(frozen=True, slots=True)
class Node:
    """`is_schedulable` is false of a node that was cordoned."""

    name: NodeName
    is_schedulable: bool
    is_ready: bool

    @property
    def is_good(self) -> bool:
        """Pods may stay there."""
        return self.is_schedulable and self.is_ready


def pod_of(body: Body) -> Pod:
    """From an object of the API, as JSON says it."""
    metadata, status = body["metadata"], body.get("status") or {}
    labels = metadata.get("labels") or {}
    kind = labels.get(_KIND, "")
    return Pod(
        name=PodName(metadata["name"]),
        uid=metadata.get("uid", ""),
        kind=kind,
        node=(body.get("spec") or {}).get("nodeName"),
        is_going=bool(metadata.get("deletionTimestamp")),
        is_over=status.get("phase") in _OVER,
        is_ready=_is_true("Ready", status),
        grace=_grace(body),
        container=_container(kind, status.get("containerStatuses") or ()),
        cost=_whole((metadata.get("annotations") or {}).get(COST)),
        labels=labels,
    )


def node_of(body: Body) -> Node:
    """From an object of the API, as JSON says it."""
    return Node(
        name=NodeName(body["metadata"]["name"]),
        is_schedulable=not (body.get("spec") or {}).get("unschedulable", False),
        is_ready=_is_true("Ready", body.get("status") or {}),
    )


def _grace(body: Body) -> float:
    deleted = body["metadata"].get("deletionGracePeriodSeconds")
    given = (body.get("spec") or {}).get("terminationGracePeriodSeconds")
    return float(next(seconds for seconds in (deleted, given, 30) if seconds is not None))


def _is_true(condition: str, status: Body) -> bool:
    return any(
        found.get("type") == condition and found.get("status") == "True"
        for found in status.get("conditions") or ()
    )


def _container(kind: str, statuses: Sequence[Body]) -> Container | None:
    """The container is called as its component; those beside it are not ours."""
    for status in statuses:
        if status.get("name") == kind:
            state = status.get("state") or {}
            before = (status.get("lastState") or {}).get("terminated")
            over = state.get("terminated") or before or {}
            return Container(
                id=status.get("containerID") or "",
                restarts=status.get("restartCount") or 0,
                started=seconds((state.get("running") or {}).get("startedAt")),
                ended=seconds(over.get("finishedAt")),
                exit_code=over.get("exitCode"),
            )
    return None


def seconds(time: str | None) -> float | None:
    """Unix time of what the API wrote."""
    return None if time is None else datetime.fromisoformat(time).timestamp()


def _whole(text: str | None) -> int | None:
    try:
        return None if text is None else int(text)
    except ValueError:
        return None
