"""The operator, put together: settings in, a running operator out."""

from __future__ import annotations

import asyncio
import secrets
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass

import aiohttp
import structlog

from parley_core.admin import admin_app
from parley_core.redis.client import RedisClient
from parley_core.redis.installation import join_installation
from parley_core.redis.keys import Keys
from parley_core.redis.processes import RedisProcesses
from parley_core.serving import HttpServer
from parley_core.supervision import pause, supervise, until_it_works
from parley_core.tasks import Tasks
from parley_core.telemetry import redis_up
from parley_operator import balancing, metrics, nodes
from parley_operator.attendance import Attendance
from parley_operator.balancing import Balancing
from parley_operator.domain.windows import Pace
from parley_operator.drains import Drains
from parley_operator.evictions import Evictions
from parley_operator.health import unhealthy, unready
from parley_operator.hearing import Hearing
from parley_operator.kubernetes.client import KubernetesCluster, connect
from parley_operator.kubernetes.watch import Watch
from parley_operator.nodes import Nodes
from parley_operator.orders import HttpOrders
from parley_operator.picture import Picture
from parley_operator.reconciling import SOON, Reconciling
from parley_operator.records import Records
from parley_operator.run import Desk
from parley_operator.settings import OperatorSettings

log = structlog.get_logger(__name__)

_UNPROVED = "SERVICE_TOKEN is empty: processes on other machines refuse orders without one."

_FIRST_NEWS = 5.0
"""Seconds that the watch has to tell of what is there; without it the looks have to do."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What hears of the cluster, and what looks at it again and again."""

    hearing: Hearing
    reconciling: Reconciling
    balancing: Balancing
    nodes: Nodes


class Operator:
    """One process of the operator."""

    def __init__(self, settings: OperatorSettings, stop: asyncio.Event) -> None:
        """`stop` leaves everything as it is; then `run` returns."""
        self._settings = settings
        self._home = settings.home
        self._clock = asyncio.get_running_loop().time
        self._stopping = stop
        self._tasks = Tasks()
        self._picture = Picture(clock=self._clock)
        self._keys = Keys(settings.key_prefix)
        self._is_joined = False
        self._is_operating = False
        self._redis = RedisClient(
            settings.redis_location(),
            name=f"operator/{settings.parley_pod or settings.server_id}",
            connections=settings.redis_max_connections,
        )

    async def run(self) -> None:
        """Until it is stopped. Raises `PermanentError` if it cannot start."""
        if not self._settings.service_token.get_secret_value():
            log.warning(_UNPROVED)
        async with AsyncExitStack() as stack:
            admin = self._admin_server()
            stack.push_async_callback(admin.stop)
            await admin.start()
            cluster = KubernetesCluster(
                await stack.enter_async_context(connect()),
                home=self._home,
                pod=self._settings.parley_pod,
            )
            session = await stack.enter_async_context(aiohttp.ClientSession())
            stack.push_async_callback(self._redis.aclose)
            if await until_it_works(self._join, name="start", stopping=self._stopping):
                redis_up.set_function(lambda: self._redis.is_up)
                stack.push_async_callback(self._tasks.aclose)
                await self._operate(self._parts(cluster, HttpOrders(session, token=self._token)))

    @property
    def _token(self) -> str:
        return self._settings.service_token.get_secret_value()

    async def _join(self) -> None:
        await self._redis.start()
        await join_installation(self._redis, self._keys)
        self._picture.touch()
        self._is_joined = True

    async def _operate(self, parts: Parts) -> None:
        """The watch begins first, so that the first full look misses nothing."""
        hearing, reconciling = parts.hearing, parts.reconciling
        watch = Watch(self._home, nodes=self._settings.watch_nodes, tell=hearing.hear)
        watch.start()
        try:
            await self._happens(hearing.has_begun, within=_FIRST_NEWS)
            async with asyncio.TaskGroup() as loops:
                loops.create_task(self._reconcile(reconciling), name="reconcile")
                if await self._happens(reconciling.is_done, within=None):
                    hearing.begin()
                    self._is_operating = True
                    log.info("operating", release=self._home.release)
                    self._keep(parts, loops)
        finally:
            await watch.aclose()

    def _keep(self, parts: Parts, loops: asyncio.TaskGroup) -> None:
        looks = [("balance", balancing.EACH, parts.balancing.look)]
        if self._settings.watch_nodes:
            looks.append(("nodes", nodes.EACH, parts.nodes.look))
        for name, every, look in looks:
            loops.create_task(
                supervise(look, name=name, every=every, stopping=self._stopping), name=name
            )

    async def _reconcile(self, reconciling: Reconciling) -> None:
        async def look() -> None:
            is_soon = await reconciling.look()
            interval = self._settings.reconcile_interval
            await pause(min(SOON, interval) if is_soon else interval, until=self._stopping)

        await supervise(look, name="reconcile", every=0.0, stopping=self._stopping)

    async def _happens(self, event: asyncio.Event, *, within: float | None) -> bool:
        """False if it does not, or if the operator is stopped before."""
        waiting = [asyncio.create_task(one.wait()) for one in (event, self._stopping)]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED, timeout=within)
        for task in waiting:
            task.cancel()
        return event.is_set() and not self._stopping.is_set()

    def _parts(self, cluster: KubernetesCluster, orders: HttpOrders) -> Parts:
        settings, picture, home, clock = self._settings, self._picture, self._home, self._clock
        processes = RedisProcesses(self._redis, self._keys)
        records = Records(cluster, tasks=self._tasks, nonce=lambda: secrets.token_hex(3))
        pace = Pace(settings.resume_rate, settings.endpoint_delay, settings.drain_timeout)
        desk = Desk(processes, orders, home=home, pace=pace, clock=clock)
        drains = Drains(desk, picture, records=records, tasks=self._tasks)
        evictions = Evictions(processes, home=home, clock=clock)
        rebalancing = Balancing(
            picture,
            cluster,
            processes,
            orders,
            drains=drains,
            home=home,
            within=settings.drain_timeout,
        )
        attendance = Attendance(
            picture,
            evictions,
            drains,
            rebalancing,
            records=records,
            tasks=self._tasks,
            clock=clock,
        )
        reconciling = Reconciling(
            picture,
            cluster,
            attendance,
            drains,
            evictions,
            nodes=settings.watch_nodes,
            kept=settings.drains_kept,
            retention=settings.drain_retention,
            wall=time.time,
        )
        return Parts(
            Hearing(picture, attendance, drains), reconciling, rebalancing, Nodes(picture, drains)
        )

    def _admin_server(self) -> HttpServer:
        metrics.QUIET.set_function(lambda: self._picture.age)
        app = admin_app(
            unready=unready(
                has_looked=lambda: self._is_operating, is_stopping=self._stopping.is_set
            ),
            unhealthy=unhealthy(self._picture, is_joined=lambda: self._is_joined),
            service_token=self._token,
        )
        return HttpServer(app, host=self._settings.websocket_host, port=self._settings.admin_port)


async def run(settings: OperatorSettings, stop: asyncio.Event) -> None:
    """Serve until `stop` is set. Raises `PermanentError` if it cannot start."""
    await Operator(settings, stop).run()
