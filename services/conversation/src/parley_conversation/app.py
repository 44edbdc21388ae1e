"""Puts the service together: settings in, a worker's process out."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_hex
from time import time

import structlog
from langchain_core.language_models import BaseChatModel
from msgspec import structs

import parley_checkpoint
from parley_checkpoint import Retention
from parley_conversation.api import ConversationApi
from parley_conversation.branching import Branching
from parley_conversation.checkpointers import Checkpointing, open_checkpointer
from parley_conversation.drain import Drain
from parley_conversation.forgetting import ForgettingWork
from parley_conversation.graph.agent import Agent
from parley_conversation.graph.default import default_graph
from parley_conversation.graph.loader import Graph, load_graph
from parley_conversation.graph.model import PAUSE, choose_model
from parley_conversation.graph.states import States
from parley_conversation.leases import Leases, Lifeline
from parley_conversation.local_saver import Newest
from parley_conversation.patience import until_answered
from parley_conversation.runner import Runner
from parley_conversation.saver import RunSaver, run_settings
from parley_conversation.service import Readiness, Service
from parley_conversation.settings import ConversationSettings
from parley_conversation.threads import OwnThreads
from parley_conversation.worker import Worker
from parley_core.admin import admin_app, admin_url
from parley_core.authentication import BELIEVING, BelievingAuthenticator
from parley_core.domain.events import ProcessInfo
from parley_core.domain.ids import ProcessId, SessionId, process_id
from parley_core.http_api import Askers
from parley_core.redis.branches import RedisBranches
from parley_core.redis.call import LuaScript
from parley_core.redis.client import RedisClient
from parley_core.redis.conversations import RedisConversations
from parley_core.redis.feed import RedisFeed
from parley_core.redis.keys import Keys
from parley_core.redis.processes import RedisProcesses
from parley_core.redis.scripts import every_script
from parley_core.redis.work import RedisWork
from parley_core.serving import HttpServer

SESSION_LIFE = timedelta(days=7)
"""As long as the session's other keys."""
_EVERYWHERE = "0.0.0.0"  # noqa: S104  # probes and metrics come from other machines

_logger = structlog.get_logger(__name__)


async def run(settings: ConversationSettings, stop: asyncio.Event) -> None:
    """Work until `stop` is set, then drain. Raises `PermanentError` if it cannot start."""
    service = await build(settings)
    # What is there now stays for good: looking through all of LangChain's modules again and again
    # for garbage would stop every turn for a tenth of a second.
    gc.collect()
    gc.freeze()
    await service.run(stop)


async def build(settings: ConversationSettings) -> Service:
    """A service that is not started yet.

    Raises `BadGraph`, `BadCheckpointer`, and what the import of somebody's own one raises.
    """
    _logger.warning(BELIEVING)
    process = process_id(settings.server_id, boot=settings.parley_boot or _nonce()[:8])
    keys = Keys(settings.key_prefix)
    client = _client(settings, name=process)
    log = _log(settings, client, keys, process)
    branches = RedisBranches(
        client, keys, nonce=_nonce, max_sessions=settings.max_sessions_per_user
    )
    async with AsyncExitStack() as stack:
        checkpointing = await stack.enter_async_context(
            _checkpointing(settings, client, keys, log, branches)
        )
        graph = await _graph(settings, checkpointing)
        resources = stack.pop_all()
    work = _work(settings, client, keys, process, checkpointing)
    agent = Agent(graph, lambda run: run_settings(run, keys))
    runner = Runner(work, agent, log, timeout=settings.turn_timeout, nonce=_nonce)
    info = _info(settings)
    leases = Leases(
        lambda: _lifeline(settings, keys, process),
        process=process,
        info=lambda: structs.replace(info, draining=worker.draining),
    )
    worker = Worker(
        work,
        runner,
        leases,
        room=settings.max_running_turns,
        timeout=settings.turn_timeout,
        nonce=_nonce,
    )
    drain = Drain(worker, within=settings.drain_timeout)
    feed = RedisFeed(client, name=f"{process}/feed")
    readiness = Readiness(client, feed, worker)
    return Service(
        process=process,
        keys=keys,
        client=client,
        feed=feed,
        processes=RedisProcesses(client, keys),
        worker=worker,
        leases=leases,
        readiness=readiness,
        drain=drain,
        admin=_admin(settings, readiness, drain),
        api=_api(settings, log, branches, graph, checkpointing),
        resources=resources,
        within=settings.drain_timeout,
    )


def _admin(settings: ConversationSettings, readiness: Readiness, drain: Drain) -> HttpServer:
    app = admin_app(
        unready=readiness.unready,
        service_token=settings.service_token.get_secret_value(),
        routes=drain.routes,
    )
    return HttpServer(app, host=_EVERYWHERE, port=settings.admin_port)


def _info(settings: ConversationSettings) -> ProcessInfo:
    return ProcessInfo(
        kind="conversation",
        started=time(),
        release=settings.parley_release,
        namespace=settings.parley_namespace,
        pod=settings.parley_pod,
        admin_url=admin_url(
            port=settings.admin_port,
            listens_on=_EVERYWHERE,
            advertised=settings.advertise_host,
            takes_orders=bool(settings.service_token.get_secret_value()),
        ),
    )


def _work(
    settings: ConversationSettings,
    client: RedisClient,
    keys: Keys,
    process: ProcessId,
    checkpointing: Checkpointing,
) -> RedisWork:
    kept = settings.max_messages_per_session
    if checkpointing.is_ours:
        return RedisWork(client, keys, process=process, kept=kept)
    threads = checkpointing.threads
    return ForgettingWork(client, keys, process=process, kept=kept, threads=threads)


def _api(
    settings: ConversationSettings,
    log: RedisConversations,
    branches: RedisBranches,
    graph: Graph,
    checkpointing: Checkpointing,
) -> HttpServer:
    token = settings.service_token.get_secret_value()
    api = ConversationApi(
        Askers(BelievingAuthenticator(), service_token=token),
        log,
        branches,
        Branching(branches, States(graph), checkpointing.threads, nonce=_nonce),
        nonce=_nonce,
    )
    return HttpServer(
        api.app(), host=settings.websocket_host, port=settings.http_port, reuse_port=True
    )


@asynccontextmanager
async def _checkpointing(
    settings: ConversationSettings,
    client: RedisClient,
    keys: Keys,
    log: RedisConversations,
    branches: RedisBranches,
) -> AsyncIterator[Checkpointing]:
    async def newest(session: SessionId) -> Newest:
        top = await log.top(session)
        async with aclosing(branches.marks(session, at=None)) as marks:
            mark = await anext(marks, None)
        return Newest(top.epoch if top else "", mark.checkpoint if mark else "")

    async with open_checkpointer(
        settings.checkpointer,
        ours=lambda: _ours(settings, client, keys),
        newest=newest,
        redis_url=settings.redis_location(),
        folder=Path.cwd(),
    ) as checkpointing:
        if checkpointing.notice:
            _logger.warning(checkpointing.notice, checkpointer=settings.checkpointer)
        yield checkpointing


def _ours(settings: ConversationSettings, client: RedisClient, keys: Keys) -> Checkpointing:
    saver = RunSaver(
        client,
        prefix=keys.prefix,
        tag=lambda thread: thread[:2],
        retention=Retention(
            session_ttl=SESSION_LIFE,
            ttl_minutes=settings.checkpoint_ttl,
            max_checkpoints=settings.max_checkpoints,
            interval=settings.checkpoint_interval,
        ),
    )
    return Checkpointing(saver, OwnThreads(saver), is_ours=True)


async def _graph(settings: ConversationSettings, checkpointing: Checkpointing) -> Graph:
    return await load_graph(
        settings.parley_graph,
        folder=Path.cwd(),
        checkpointer=checkpointing.saver,
        default=lambda: default_graph(_model(settings), clock=lambda: datetime.now(UTC)),
    )


def _model(settings: ConversationSettings) -> BaseChatModel:
    return choose_model(settings.parley_model, pause=PAUSE if settings.responder_pauses else 0.0)


def _log(
    settings: ConversationSettings, client: RedisClient, keys: Keys, process: ProcessId
) -> RedisConversations:
    """Only its history is read, so the limits for writers do not matter here."""
    return RedisConversations(
        client,
        keys,
        process=process,
        nonce=_nonce,
        rate_text=settings.rate_text,
        burst=settings.rate_text_burst,
        kept=settings.max_messages_per_session,
        max_sessions=settings.max_sessions_per_user,
    )


@asynccontextmanager
async def _lifeline(
    settings: ConversationSettings, keys: Keys, process: ProcessId
) -> AsyncIterator[Lifeline]:
    client = _client(settings, name=f"{process}/leases")
    await until_answered(client.start, is_over=lambda: False)
    try:
        yield Lifeline(RedisWork(client, keys, process=process), RedisProcesses(client, keys))
    finally:
        await client.aclose()


def _client(settings: ConversationSettings, *, name: str) -> RedisClient:
    scripts: tuple[LuaScript, ...] = (*every_script(), *parley_checkpoint.every_script())
    return RedisClient(
        settings.redis_location(),
        name=name,
        scripts=scripts,
        connections=settings.redis_max_connections,
    )


def _nonce() -> str:
    return token_hex(8)
