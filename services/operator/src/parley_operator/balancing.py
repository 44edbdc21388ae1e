"""Connections on the edges: a share moves on after new edges came, and the emptiest goes first."""

from __future__ import annotations

from collections.abc import Mapping

import structlog

from parley_core.domain.errors import PermanentError, TemporaryError
from parley_core.domain.events import ProcessInfo
from parley_core.domain.ids import ProcessId
from parley_core.ports import Processes
from parley_operator import metrics
from parley_operator.domain import balance
from parley_operator.domain.deaths import Home, processes_of
from parley_operator.domain.pods import EDGE, Pod, PodName
from parley_operator.drains import Drains
from parley_operator.picture import Picture
from parley_operator.ports import Cluster, NotThere, Orders

log = structlog.get_logger(__name__)

EACH = 5.0
"""Seconds between two looks: time for balancers to hear of a new edge, and for others to come."""

Edges = Mapping[PodName, ProcessInfo]


class Balancing:
    """Looks at what edges hold. A repeat with nothing new does nothing."""

    def __init__(
        self,
        picture: Picture,
        cluster: Cluster,
        processes: Processes,
        orders: Orders,
        *,
        drains: Drains,
        home: Home,
        within: float,
    ) -> None:
        """`within`: seconds that a round may take."""
        self._picture = picture
        self._cluster = cluster
        self._processes = processes
        self._orders = orders
        self._drains = drains
        self._home = home
        self._within = within
        self._rounds = 0
        self._order: tuple[PodName, ...] | None = None

    def edge_came(self) -> None:
        """A new edge takes connections."""
        self._rounds = balance.ROUNDS

    async def look(self) -> None:
        """Raises `Unavailable` and other `TemporaryError`."""
        alive = await self._processes.alive()
        edges = self._edges(alive)
        if self._rounds and not self._is_moving(alive):
            await self._rebalance(edges)
        await self._write_costs({name: info.connections for name, info in edges.items()})

    def _edges(self, alive: Mapping[ProcessId, ProcessInfo]) -> Edges:
        """What each edge that serves says of itself; the newest process of its pod."""
        drained = self._drains.drained().all
        edges: dict[PodName, ProcessInfo] = {}
        for pod in self._picture.pods.values():
            own = processes_of(pod.name, alive, home=self._home).values()
            if _takes_connections(pod) and pod.name not in drained and own:
                edges[pod.name] = max(own, key=lambda info: info.started)
        return edges

    def _is_moving(self, alive: Mapping[ProcessId, ProcessInfo]) -> bool:
        """A round is under way, or a drain, which changes what everybody holds and goes first."""
        return any(
            info.moving for info in alive.values() if info.kind == EDGE and self._home.owns(info)
        )

    async def _rebalance(self, edges: Edges) -> None:
        shares = balance.shares({name: info.connections for name, info in edges.items()})
        self._rounds = self._rounds - 1 if shares else 0
        for name, share in shares.items():
            await self._send_on(edges[name], share=share)

    async def _send_on(self, edge: ProcessInfo, *, share: float) -> None:
        try:
            await self._orders.rebalance(edge.admin_url, share=share, within=self._within)
        except (PermanentError, TemporaryError) as error:
            log.info("not rebalanced", pod=edge.pod, reason=str(error))
        else:
            metrics.REBALANCES.inc()
            log.info("rebalancing", pod=edge.pod, share=round(share, 2))

    async def _write_costs(self, connections: Mapping[PodName, int]) -> None:
        before = self._written() if self._order is None else self._order
        ordered = balance.order(connections, before=before)
        if ordered == self._order:
            return
        for name, cost in balance.costs(ordered).items():
            pod = self._picture.pods.get(name)
            if pod is not None and pod.cost != cost:
                await self._write_cost(name, cost)
        self._order = ordered

    async def _write_cost(self, name: PodName, cost: int) -> None:
        try:
            await self._cluster.set_cost(name, cost=cost)
        except NotThere:
            log.debug("went before its cost was written", pod=name)

    def _written(self) -> tuple[PodName, ...]:
        """The order that the pods' own annotations say, as an operator before this one left it."""
        known = [pod for pod in self._picture.pods.values() if pod.cost is not None]
        return tuple(pod.name for pod in sorted(known, key=lambda pod: pod.cost or 0))


def _takes_connections(pod: Pod) -> bool:
    return pod.kind == EDGE and pod.is_serving
