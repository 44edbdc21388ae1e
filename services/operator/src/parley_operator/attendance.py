"""What is done when there is news of a pod: the dead first, then its drain."""

from __future__ import annotations

from collections.abc import Callable

from parley_core.tasks import Tasks
from parley_operator.balancing import Balancing
from parley_operator.domain.pods import EDGE, Container, Pod
from parley_operator.drains import Drains
from parley_operator.evictions import Evictions
from parley_operator.picture import Picture
from parley_operator.ports import News
from parley_operator.queues import PodQueues, Sighting
from parley_operator.records import Records


class Attendance:
    """Hears of pods and sees to each in its own queue."""

    def __init__(
        self,
        picture: Picture,
        evictions: Evictions,
        drains: Drains,
        balancing: Balancing,
        *,
        records: Records,
        tasks: Tasks,
        clock: Callable[[], float],
    ) -> None:
        self._picture = picture
        self._evictions = evictions
        self._drains = drains
        self._balancing = balancing
        self._records = records
        self._clock = clock
        self._queues = PodQueues(self._attend, tasks=tasks)
        self._attended: dict[str, Container] = {}
        """Containers, by pod, whose dead were looked for."""

    def see(self, pod: Pod) -> None:
        """The pod as it is now."""
        if not self._picture.knows(pod):
            return
        before = self._picture.see(pod)
        if pod.kind == EDGE and pod.is_serving and not (before and before.is_serving):
            self._balancing.edge_came()
        # Drains begin and end at once; only what needs Redis has to wait for its turn.
        self._drains.attend(pod)
        if pod.container is not None and self._attended.get(pod.uid) != pod.container:
            self._queues.put(Sighting(pod, is_gone=False, at=self._clock()))

    def lose(self, pod: Pod) -> None:
        """The pod is gone, as it was last."""
        if not self._picture.knows(pod):
            return
        self._picture.lose(pod)
        self._drains.forget(pod)
        self._queues.put(Sighting(pod, is_gone=True, at=self._clock()))

    async def _attend(self, sighting: Sighting) -> None:
        pod = sighting.pod
        freed = await self._evictions.of_pod(pod, is_gone=sighting.is_gone, heard=sighting.at)
        if freed:
            self._records.tell(pod, News("SessionsEvicted", f"{freed} sessions go on elsewhere."))
        if sighting.is_gone:
            self._attended.pop(pod.uid, None)
        elif pod.container is not None:
            self._attended[pod.uid] = pod.container
