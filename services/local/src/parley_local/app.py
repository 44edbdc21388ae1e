"""Everything on one machine, put together."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from functools import partial

from parley_core.redis.keys import Keys
from parley_core.redis.processes import RedisProcesses
from parley_local.banner import banner
from parley_local.child import Child, inherited
from parley_local.console import Console, readable
from parley_local.inheritance import Inheritance
from parley_local.plan import Part, Plan, make_plan
from parley_local.ports import refuse_taken
from parley_local.settings import LocalSettings
from parley_local.store import OwnRedis, connect, shown
from parley_local.supervisor import Ending, Supervisor

_LAST_WORDS = 15.0
"""Seconds beside its drain that a process has to end."""


async def run(settings: LocalSettings, *, console: Console, ending: Ending) -> None:
    """Until `ending` is asked for. Raises `PermanentError` if something cannot start."""
    plan = make_plan(settings)
    refuse_taken(plan.ports, host=settings.websocket_host)
    say = partial(console.line, "up")
    async with AsyncExitStack() as stack:
        own = None
        url = settings.given_redis
        if url is None:
            own = OwnRedis()
            stack.callback(own.stop)
            say(f"redis started as process {await own.start()}")
            url = own.url
        client = await connect(url)
        stack.push_async_callback(client.aclose)
        supervisor = Supervisor(
            _children(settings, plan, url, console),
            redis=own,
            inheritance=Inheritance(RedisProcesses(client, Keys(settings.key_prefix)), say=say)
            if settings.supervisor_evict
            else None,
            drain_within=settings.endpoint_delay + settings.drain_timeout + _LAST_WORDS,
            service_token=settings.service_token.get_secret_value(),
            say=say,
        )
        stack.push_async_callback(partial(supervisor.stop, hurry=ending.hurry))
        await _unless(ending.asked, supervisor.start())
        if not ending.asked.is_set():
            console.text(banner(settings, plan, redis=own.about if own else shown(url)))
            await _unless(ending.asked, supervisor.failed())
        say("draining and ending everything")


def new_console_names(settings: LocalSettings) -> list[str]:
    """All that write to the console."""
    return ["up", *(part.name for part in make_plan(settings).parts)]


def _children(
    settings: LocalSettings, plan: Plan, redis_url: str, console: Console
) -> list[list[Child]]:
    shared = inherited() | {
        "REDIS_URL": redis_url,
        "WEBSOCKET_PORT": str(settings.websocket_port),
    }
    return [[_child(part, shared, console) for part in stage] for stage in plan.stages]


def _child(part: Part, environment: dict[str, str], console: Console) -> Child:
    def write(line: str) -> None:
        for each in readable(line).splitlines():
            console.line(part.name, each)

    return Child(
        part,
        environment=environment,
        new_boot=lambda: secrets.token_hex(4),
        write=write,
    )


async def _unless(event: asyncio.Event, work: Awaitable[None]) -> None:
    """Do `work`, or give it up when `event` is set. Raises what `work` raises."""
    working = asyncio.ensure_future(work)
    waiting = asyncio.create_task(event.wait())
    try:
        await asyncio.wait([working, waiting], return_when="FIRST_COMPLETED")
    finally:
        waiting.cancel()
        if not working.done():
            working.cancel()
        await asyncio.wait([working, waiting])
    if not working.cancelled():
        working.result()
