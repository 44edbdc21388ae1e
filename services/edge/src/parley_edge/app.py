"""The edge, put together: settings in, a running service out."""

from __future__ import annotations

import asyncio
import gc
import secrets
import time
from contextlib import suppress

import structlog

from parley_core.admin import admin_app, admin_url
from parley_core.authentication import BELIEVING, BelievingAuthenticator
from parley_core.domain.errors import Unavailable
from parley_core.domain.events import ProcessInfo
from parley_core.domain.ids import ProcessId, process_id
from parley_core.domain.presence import BEAT, stamp
from parley_core.redis.keys import Keys
from parley_core.serving import HttpServer
from parley_core.tasks import Tasks
from parley_core.telemetry import redis_up
from parley_edge.broadcasting import Broadcasts
from parley_edge.departures import Departures
from parley_edge.domain.greeting import Server
from parley_edge.edge import Edge
from parley_edge.endpoint import public_app
from parley_edge.health import unready
from parley_edge.http.protocol import EdgeHttpProtocol
from parley_edge.http.routes import http_routes
from parley_edge.hub import Hub
from parley_edge.moving.drain import Drain
from parley_edge.moving.mover import Mover, Receivers
from parley_edge.moving.orders import drain_routes, rebalance_routes
from parley_edge.moving.rebalance import Rebalance
from parley_edge.pulse import Pulse
from parley_edge.roster import Roster
from parley_edge.settings import EdgeSettings
from parley_edge.stores import Stores, new_id, open_stores
from parley_edge.upkeep import Upkeep
from parley_edge.websocket.handshakes import Admission
from parley_edge.websocket.protocol import admitting
from parley_edge.websocket.socket import PING_INTERVAL, PONG_TIMEOUT

log = structlog.get_logger(__name__)

_SWEEP = 1.0
"""Seconds between two looks at what only time brings."""
_SEND_BUFFER = 131_072
"""Bytes in the kernel for each connection, which count against a pod's memory: room for 2.5 MB a
second over 100 ms, and a reader that stalls costs a quarter of a megabyte there and not four."""
_COLLECT_AFTER = 20_000
"""Objects that were made and not freed before the collector looks at them; Python's own 700 would
be a look for every hundred texts."""
_LAST_CALLS = 3.0
"""Seconds that Redis has at the end to hear of the last departures."""


class Service:
    """One edge process."""

    def __init__(self, settings: EdgeSettings, stores: Stores, *, process: ProcessId) -> None:
        self._settings = settings
        self._stores = stores
        self._process = process
        self._clock = asyncio.get_running_loop().time
        self._started_at = time.time()
        self._is_started = False
        self._tasks = Tasks()
        self._upkeep = Upkeep(stores.conversations, stores.connections)
        self._edge = self._new_edge()
        self._broadcasts = Broadcasts(
            self._edge.hub, self._edge.roster, channel=Keys(settings.key_prefix).broadcast
        )
        self._public = self._new_public_server()
        self._pulse = self._new_pulse()
        self._receivers = Receivers(stores.processes, process=process, info=self._info)
        self._mover = Mover(
            self._edge.roster,
            look=self._receivers.look,
            resume_rate=settings.resume_rate,
            tasks=self._tasks,
            clock=self._clock,
        )
        self._drain = self._new_drain()
        self._rebalance = self._new_rebalance()
        self._admin = self._new_admin_server()

    async def start(self) -> None:
        """Returns when clients are served. Raises `PermanentError` if a port is taken."""
        log.warning(BELIEVING)
        edge, tasks = self._edge, self._tasks
        await self._admin.start()
        await self._beat()
        tasks.keep(self._beat, name="beat", pause=BEAT)
        tasks.keep(self._broadcasts.run, name="broadcasts", pause=_SWEEP)
        tasks.keep(self._upkeep.run, name="upkeep", pause=_SWEEP)
        tasks.keep(edge.departures.run, name="departures", pause=_SWEEP)
        tasks.keep(edge.roster.check, name="check connections", pause=_SWEEP)
        tasks.keep(edge.hub.sweep, name="sweep channels", pause=_SWEEP)
        await self._public.start()
        self._is_started = True
        log.info("serving", port=self._public.port, process=self._process)

    async def stop(self) -> None:
        """Drain, then leave nothing behind."""
        await asyncio.wait({self._drain.begin(within=self._settings.drain_timeout)})
        await self._edge.departures.emptied(within=_LAST_CALLS)
        await self._public.stop()
        await self._tasks.aclose()
        with suppress(Unavailable):  # Then the reaper does it.
            await self._pulse.retire()
        await self._admin.stop()

    async def _beat(self) -> None:
        redis_up.set(self._stores.client.is_up)
        await self._pulse.beat()

    def _new_edge(self) -> Edge:
        settings, stores = self._settings, self._stores
        return Edge(
            server=Server(settings.server_id, round(settings.heartbeat_interval * 1000)),
            conversations=stores.conversations,
            memberships=stores.memberships,
            connections=stores.connections,
            authenticator=BelievingAuthenticator(),
            hub=Hub(
                stores.feed,
                keys=Keys(settings.key_prefix),
                upkeep=self._upkeep,
                clock=self._clock,
            ),
            roster=Roster(),
            departures=Departures(stores.connections),
            tasks=self._tasks,
            clock=self._clock,
            now=lambda: stamp(round(time.time() * 1000)),
            new_id=new_id,
            user_limit=settings.max_connections_per_user,
            connection_limit=settings.max_connections,
            silence_limit=settings.session_timeout,
        )

    def _new_public_server(self) -> HttpServer:
        settings = self._settings
        admission = Admission(rate=settings.admission_rate, clock=self._clock)
        routes = http_routes(
            self._edge,
            announcements=self._stores.announcements,
            admission=admission,
            service_token=settings.service_token.get_secret_value(),
        )
        return HttpServer(
            public_app(self._edge, routes=routes),
            host=settings.websocket_host,
            port=settings.websocket_port,
            reuse_port=True,
            send_buffer=_SEND_BUFFER,
            certificate=settings.ssl_certfile,
            private_key=settings.ssl_keyfile,
            http=EdgeHttpProtocol,
            ws=admitting(admission),
            ws_max_size=settings.max_message_size,
            ws_ping_interval=PING_INTERVAL,
            ws_ping_timeout=PONG_TIMEOUT,
            ws_per_message_deflate=settings.compression,
        )

    def _new_drain(self) -> Drain:
        return Drain(
            self._edge.roster,
            self._public,
            mover=self._mover,
            tell=self._beat,
            tasks=self._tasks,
            clock=self._clock,
            endpoint_delay=self._settings.endpoint_delay,
        )

    def _new_rebalance(self) -> Rebalance:
        return Rebalance(
            self._edge.roster,
            self._drain,
            mover=self._mover,
            look=self._receivers.look,
            tell=self._beat,
            tasks=self._tasks,
            clock=self._clock,
        )

    def _new_admin_server(self) -> HttpServer:
        settings, stores = self._settings, self._stores
        app = admin_app(
            unready=unready(
                is_started=lambda: self._is_started,
                drain=self._drain,
                deaf_for=stores.feed.deaf_for,
                redis_is_up=lambda: stores.client.is_up,
            ),
            service_token=settings.service_token.get_secret_value(),
            routes=[
                *drain_routes(self._drain, default=settings.drain_timeout),
                *rebalance_routes(self._rebalance, default=settings.drain_timeout),
            ],
        )
        return HttpServer(app, host=settings.websocket_host, port=settings.admin_port)

    def _new_pulse(self) -> Pulse:
        return Pulse(
            self._stores.processes,
            self._stores.connections,
            process=self._process,
            roster=self._edge.roster,
            departures=self._edge.departures,
            info=self._info,
        )

    def _info(self) -> ProcessInfo:
        settings = self._settings
        return ProcessInfo(
            kind="edge",
            started=self._started_at,
            release=settings.parley_release,
            namespace=settings.parley_namespace,
            pod=settings.parley_pod,
            admin_url=admin_url(
                port=settings.admin_port,
                listens_on=settings.websocket_host,
                advertised=settings.advertise_host,
                takes_orders=bool(settings.service_token.get_secret_value()),
            ),
            draining=self._drain.is_draining,
            connections=len(self._edge.roster),
            moving=self._drain.is_moving or self._rebalance.is_running,
        )


async def run(settings: EdgeSettings, stop: asyncio.Event) -> None:
    """Serve until `stop` is set, drain, end. Raises `PermanentError` if it cannot start."""
    process = process_id(settings.server_id, boot=settings.parley_boot or secrets.token_hex(4))
    async with open_stores(settings, process=process) as stores:
        service = Service(settings, stores, process=process)
        await service.start()
        # What is there now stays for good, and what a connection makes is freed with it: looking
        # for garbage often would only hold up everybody.
        gc.collect()
        gc.freeze()
        gc.set_threshold(_COLLECT_AFTER)
        await stop.wait()
        await service.stop()
