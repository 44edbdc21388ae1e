"""Puts the service together: settings in, a running service out."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import structlog

from parley_core.admin import admin_app
from parley_core.authentication import BELIEVING, BelievingAuthenticator
from parley_core.domain.errors import Unavailable
from parley_core.domain.events import ProcessInfo
from parley_core.domain.ids import process_id
from parley_core.domain.presence import BEAT, LOOK
from parley_core.redis.client import RedisClient
from parley_core.redis.connections import RedisConnections
from parley_core.redis.housekeeping import RedisHousekeeping
from parley_core.redis.installation import join_installation
from parley_core.redis.keys import Keys
from parley_core.redis.presence import RedisPresenceBoard
from parley_core.redis.processes import RedisProcesses
from parley_core.serving import HttpServer
from parley_core.supervision import supervise, until_it_works
from parley_core.telemetry import redis_up
from parley_presence import duties
from parley_presence.api import PresenceApi
from parley_presence.redis.hints import RedisHints
from parley_presence.settings import PresenceSettings

_log = structlog.get_logger(__name__)

_OFFLINE_EVERY = 0.5
_TAKE_OVER_EVERY = 1.0
"""Seconds between steps; with LIFE, LOOK and GRACE the first stays below 15 s."""


class Duty(NamedTuple):
    """`every`: seconds between its steps; 0 for one that waits by itself."""

    name: str
    every: float
    step: Callable[[], Awaitable[object]]


class PresenceService:
    """One process of the presence service."""

    def __init__(self, settings: PresenceSettings, stop: asyncio.Event) -> None:
        """`stop` ends every duty after its step; then `run` returns."""
        boot = settings.parley_boot or secrets.token_hex(4)
        keys = Keys(settings.key_prefix)
        self._keys = keys
        self._settings = settings
        self._process = process_id(settings.server_id, boot=boot)
        self._started = time.time()
        self._stopping = stop
        self._is_started = False
        self._client = RedisClient(
            settings.redis_location(),
            name=f"presence/{self._process}",
            connections=settings.redis_max_connections,
        )
        self._processes = RedisProcesses(self._client, keys)
        self._board = RedisPresenceBoard(self._client, keys)
        self._hints = RedisHints(self._client, keys, reader=self._process)
        self._housekeeping = RedisHousekeeping(self._client, keys, processes=self._processes)
        self._connections = RedisConnections(self._client, keys, process=self._process)

    async def run(self) -> None:
        """Until it is stopped. Raises `PermanentError` if a port or this Redis cannot be used."""
        _log.warning(BELIEVING)
        admin, api = self._admin_server(), self._api_server()
        await admin.start()
        try:
            if await until_it_works(self._join, name="start", stopping=self._stopping):
                redis_up.set_function(lambda: self._client.is_up)
                await api.start()
                await self._serve()
        finally:
            await api.stop()
            await self._client.aclose()
            await admin.stop()

    async def _join(self) -> None:
        await self._client.start()
        await join_installation(self._client, self._keys)

    async def _serve(self) -> None:
        """All duties; at the end they have `drain_timeout` for their last step."""
        loop = asyncio.get_running_loop()
        self._is_started = True
        _log.info("serving", process=self._process)
        try:
            async with asyncio.timeout(None) as limit, asyncio.TaskGroup() as running:
                for name, every, step in self._duties():
                    duty = supervise(step, name=name, every=every, stopping=self._stopping)
                    running.create_task(duty, name=name)
                await self._stopping.wait()
                limit.reschedule(loop.time() + self._settings.drain_timeout)
        except TimeoutError:
            _log.warning("a duty did not end in time")
        await self._retire()

    def _duties(self) -> list[Duty]:
        board, hints, housekeeping = self._board, self._hints, self._housekeeping
        return [
            Duty("beat", BEAT, self._beat),
            Duty("follow hints", 0.0, lambda: duties.follow_hints(hints, board=board)),
            Duty(
                "take over hints",
                _TAKE_OVER_EVERY,
                lambda: duties.take_over_hints(hints, board=board),
            ),
            Duty(
                "call offline",
                _OFFLINE_EVERY,
                lambda: duties.call_offline(board, housekeeping=housekeeping),
            ),
            Duty("reap the dead", LOOK, lambda: duties.reap_dead(self._processes)),
            Duty(
                "clean up",
                self._settings.cleanup_interval,
                lambda: duties.clean_up(housekeeping, hints=hints, board=board),
            ),
        ]

    async def _beat(self) -> None:
        await self._processes.beat(
            self._process,
            ProcessInfo(
                kind="presence",
                started=self._started,
                release=self._settings.parley_release,
                namespace=self._settings.parley_namespace,
                pod=self._settings.parley_pod,
                draining=self._stopping.is_set(),
            ),
        )

    async def _retire(self) -> None:
        try:
            await self._hints.retire()
            await self._processes.retire(self._process)
        except Unavailable as error:
            _log.warning("left without a goodbye: the others will notice", error=str(error))

    def _unready(self) -> str | None:
        if self._stopping.is_set():
            return "draining"
        return None if self._is_started else "starting"

    def _admin_server(self) -> HttpServer:
        app = admin_app(
            unready=self._unready,
            service_token=self._settings.service_token.get_secret_value(),
        )
        return HttpServer(app, host=self._settings.websocket_host, port=self._settings.admin_port)

    def _api_server(self) -> HttpServer:
        api = PresenceApi(
            connections=self._connections,
            processes=self._processes,
            authenticator=BelievingAuthenticator(),
            service_token=self._settings.service_token.get_secret_value(),
        )
        return HttpServer(
            api.app(),
            host=self._settings.websocket_host,
            port=self._settings.http_port,
        )


async def run(settings: PresenceSettings, stop: asyncio.Event) -> None:
    """Serve until `stop` is set. Raises `PermanentError` if it cannot start."""
    await PresenceService(settings, stop).run()
