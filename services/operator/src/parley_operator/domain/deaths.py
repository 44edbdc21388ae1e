"""Which processes are over. Wrongly said, a live one may not work for a minute.

What a process says of its own start and what the kubelet says of its container's come from the
same clock, the node's. But the API cuts to whole seconds, and a clock may be set back between the
two: `SKEW` keeps a fresh process clear of both. A process that lived shorter has nothing to hand
back.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from parley_core.domain.events import ProcessInfo
from parley_core.domain.ids import ProcessId
from parley_operator.domain.pods import Pod, PodName

SKEW = 1.0
"""Seconds by which a process must be older than its container's start to be taken for dead."""
QUIET = 5.0
"""Seconds without a beat after which a process without a pod is dead: its leases are over then."""
LISTS = 2
"""Full lists without a pod that make it gone, if no event said so."""

Alive = Mapping[ProcessId, ProcessInfo]


@dataclass(frozen=True, slots=True)
class Home:
    """Whose processes these are: others' are never touched."""

    release: str
    namespace: str

    def owns(self, info: ProcessInfo) -> bool:
        return (info.release, info.namespace) == (self.release, self.namespace)


def processes_of(pod: PodName, alive: Alive, *, home: Home) -> dict[ProcessId, ProcessInfo]:
    """What runs, or ran a moment ago, in this pod."""
    return {
        process: info
        for process, info in alive.items()
        if home.owns(info) and info.pod and info.pod == pod
    }


def over_with_container(pod: Pod, alive: Alive, *, home: Home) -> tuple[ProcessId, ...]:
    """The pod's processes that are older than the run of its container, or ended with it."""
    limit = _over_if_older(pod)
    if limit is None:
        return ()
    own = processes_of(pod.name, alive, home=home)
    return tuple(process for process, info in own.items() if info.started < limit)


def over_with_pod(pod: PodName, alive: Alive, *, home: Home) -> tuple[ProcessId, ...]:
    """The pod was deleted: all that it ran is over, or is killed before long."""
    return tuple(processes_of(pod, alive, home=home))


def without_pod(
    alive: Alive, *, pods: Collection[PodName], beating: Collection[ProcessId], home: Home
) -> frozenset[ProcessId]:
    """Processes that a full list has no pod for, and that are not `beating` either."""
    return frozenset(
        process
        for process, info in alive.items()
        if home.owns(info) and info.pod and info.pod not in pods and process not in beating
    )


def _over_if_older(pod: Pod) -> float | None:
    container = pod.container
    if container is None:
        return None
    if container.started is not None:
        return container.started - SKEW
    # Nothing runs: whatever began before the last run ended went with it.
    return container.ended
