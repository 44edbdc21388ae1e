"""A worker taken apart: its runs in the test's own process, one at a time, on a real Redis."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from secrets import token_hex
from time import monotonic
from typing import Any
from unittest.mock import patch

from langgraph.graph.state import StateGraph

from parley_conversation.domain.answer import Answer, Finish
from parley_conversation.domain.endings import answered
from parley_conversation.graph.agent import Agent
from parley_conversation.run import Run
from parley_conversation.runner import Runner
from parley_conversation.saver import RunSaver, run_settings
from parley_core.domain.events import Lease, Stop
from parley_core.domain.ids import Partition, ProcessId, SessionId, TurnId
from parley_core.redis.client import RedisClient
from parley_core.redis.conversations import RedisConversations
from parley_core.redis.keys import Keys, PartitionKeys
from parley_core.redis.processes import RedisProcesses
from parley_core.redis.work import RedisWork

WRITES = ("aput", "aput_writes")
CALLS = (
    *("inbox", "begin", "delta", "say", "commit", "wait", "renew", "release"),
    *("aget_tuple", *WRITES),
)
"""What a worker asks of the store and of the checkpointer while it runs a turn."""


class Desk:
    """Claims one session's work and does it."""

    def __init__(
        self, client: RedisClient, keys: Keys, store: RedisConversations, *, session: SessionId
    ) -> None:
        self.work = RedisWork(client, keys, process=ProcessId("desk/1"))
        self.saver = RunSaver(client, prefix=keys.prefix, tag=lambda thread: thread[:2])
        self.died = False
        self._ear = RedisWork(client, keys, process=ProcessId("desk/ear"))
        self._client = client
        self._keys = keys
        self._store = store
        self._session = session
        self._partition = Partition(int(session[:2], 16))

    def agent(self, builder: StateGraph[Any, Any, Any, Any], **compiled: Any) -> Agent:
        graph = builder.compile(checkpointer=self.saver, **compiled)
        return Agent(graph, lambda run: run_settings(run, self._keys))

    async def claim(self) -> Lease:
        """The session's lease; fails if it has no work."""
        leases = await self.work.claim(room=1, partition=self._partition, nonce=token_hex(8))
        assert [lease.session for lease in leases] == [self._session]
        return leases[0]

    def begin(self, agent: Agent, lease: Lease, *, timeout: float = 30.0) -> Run:
        """A run under way; `ended` waits for it."""
        runner = Runner(self.work, agent, self._store, timeout=timeout, nonce=lambda: token_hex(8))
        run = Run(lease, until=monotonic() + timeout, clock=monotonic)
        self._task = asyncio.create_task(runner.supervise(run))
        run.belongs_to(self._task)
        self._run = run
        return run

    async def ended(self) -> None:
        async with asyncio.timeout(30):
            await self._task

    async def stop(self, run: Run) -> None:
        """Tell a run what a worker hears from the wake channel, and wait for its end."""
        stop = await self.heard_stop()
        assert stop is not None
        run.stopped(stop)
        await self.ended()

    @contextmanager
    def dying(
        self, *, at: int, calls: Iterable[str] = CALLS, after: bool = False
    ) -> Iterator[None]:
        """The worker dies when it makes its so-manieth of these calls: before it or `after` it.

        Whether it did is in `died`.
        """
        left = count(at - 1, -1)

        def mortal(call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
            async def made(*args: Any, **what: Any) -> Any:
                is_last = next(left) == 0
                if is_last and not after:
                    await self._die()
                result = await call(*args, **what)
                if is_last:
                    await self._die()
                return result

            return made

        with ExitStack() as stack:
            for name in calls:
                of = self.work if hasattr(self.work, name) else self.saver
                stack.enter_context(patch.object(of, name, mortal(getattr(of, name))))
            yield

    @property
    def run(self) -> Run:
        """The newest one."""
        return self._run

    async def heard_stop(self) -> Stop | None:
        """Why the run's turn is to stop, if it is."""
        return await self._ear.renew(self._run.lease)

    async def _die(self) -> None:
        self.died = True
        self._run.lose()
        await asyncio.sleep(0)

    async def serve(self, agent: Agent) -> None:
        """One item of the mailbox, from claim to commit."""
        self.begin(agent, await self.claim())
        await self.ended()

    async def serve_what_is_left(self, agent: Agent) -> None:
        """Until nothing is ready any more."""
        while await self._client.command("ZCARD", self._names.ready, key=self._names.ready):
            await self.serve(agent)

    async def held(self) -> int:
        """How many leases there are."""
        return int(await self._client.command("HLEN", self._names.leases, key=self._names.leases))

    async def waits_for_nobody(self) -> bool:
        """Whether no worker is asked to do anything."""
        return not await self._client.command("ZCARD", self._names.ready, key=self._names.ready)

    @property
    def _names(self) -> PartitionKeys:
        return self._keys.partition(self._partition)

    async def run_without_commit(self, agent: Agent) -> None:
        """A worker that dies between its last checkpoint and its commit."""
        lease = await self.claim()
        mail = (await self.work.inbox(lease)).mail
        assert mail is not None
        now = await agent.snapshot(self._session)
        turn = TurnId(mail.message_id)
        begun = await self.work.begin(
            lease, turn=turn, base="", checkpoint=now.checkpoint, nonce=token_hex(8)
        )
        run = Run(Lease(self._session, begun.token), until=monotonic() + 30, clock=monotonic)
        given = agent.given(mail, session=self._session, topic="", before=(), now=now)
        async for _ in agent.stream(run, turn=turn, given=given):
            pass
        await self.evict()

    async def commit(self, turn: TurnId, text: str) -> None:
        """The answer to the mailbox's head, from nowhere."""
        lease = await self.claim()
        ending = answered(lease, turn, Answer(text, Finish.STOP), checkpoint="")
        await self.work.commit(
            lease,
            turn=turn,
            answer=ending.id,
            type=ending.type,
            frame=ending.frame,
            status=ending.status,
            checkpoint="",
            release=True,
        )

    async def expiry(self) -> int:
        """When the session's lease expires, in Redis's milliseconds."""
        leased = self._keys.partition(self._partition).leased
        return int(await self._client.command("ZSCORE", leased, self._session, key=leased))

    async def evict(self) -> None:
        """Somebody takes this worker for dead, and its sessions are free."""
        await RedisProcesses(self._client, self._keys).evict(ProcessId("desk/1"))

    async def rested(self) -> None:
        """Until the session is ready: it rests a little after each counted attempt."""
        names = self._keys.partition(self._partition)
        async with asyncio.timeout(10):
            while not await self._is_ready(names.ready):
                await asyncio.sleep(0.02)

    async def _is_ready(self, ready: str) -> bool:
        seconds, micros = await self._client.command("TIME")
        since = await self._client.command("ZSCORE", ready, self._session, key=ready)
        return since is not None and float(since) <= int(seconds) * 1000 + int(micros) / 1000

    async def forget(self) -> None:
        """Delete the session's checkpoints, as a failover or another checkpointer would."""
        for key in self._keys.session(self._session).checkpoints:
            await self._client.command("DEL", key, key=key)
