"""Claims sessions that have work and runs them, many at once.

Two things bring work: the wake channel, a hint that comes with each append, and a sweep of all
partitions each second, which needs no hint. A claim that the server may have executed is repeated
under its nonce until its reply is here, one at a time per partition, so no claimed session is
forgotten.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from itertools import count, islice
from time import monotonic

import structlog

from parley_conversation import metrics
from parley_conversation.domain import wake
from parley_conversation.domain.shares import rotated, shares
from parley_conversation.leases import Leases
from parley_conversation.patience import until_answered
from parley_conversation.run import Run
from parley_conversation.runner import Runner
from parley_core.domain.errors import Barred, StaleToken, Unavailable
from parley_core.domain.events import Lease
from parley_core.domain.ids import PARTITIONS
from parley_core.ports import Work

SWEEP_EACH = 1.0
"""Seconds; by the sweep rule of claims, 3 s without any would look like an absence of Redis."""
GIVE_UP = 30.0
"""Seconds past its time-out after which a turn that cannot be ended loses its lease."""
END = 5.0
"""Seconds that runs have to give their sessions back after they were cancelled."""

_log = structlog.get_logger(__name__)


class Worker:
    """Runs at most `room` sessions at once; `timeout` is that of one attempt at a turn."""

    def __init__(
        self,
        work: Work,
        runner: Runner,
        leases: Leases,
        *,
        room: int,
        timeout: float,
        nonce: Callable[[], str],
    ) -> None:
        self._work = work
        self._runner = runner
        self._leases = leases
        self._room = room
        self._timeout = timeout
        self._nonce = nonce
        self._runs: dict[asyncio.Task[None], Run] = {}
        self._claims: dict[asyncio.Task[None], int] = {}
        self._looks: set[asyncio.Task[None]] = set()
        self._asked: dict[int, int] = {}
        self._again: dict[int, None] = {}
        """Partitions to ask when there is room, the one that waits longest first."""
        self._is_barred = False
        self.draining = False

    @property
    def running(self) -> int:
        """Sessions in hand."""
        return len(self._runs)

    async def sweep(self) -> None:
        """Ask all partitions each second, until cancelled. Then nothing that was begun is left."""
        try:
            for turn in count():
                self._claim_from(rotated(range(PARTITIONS), turn))
                await asyncio.sleep(SWEEP_EACH)
        finally:
            tasks = (*self._claims, *self._looks, *self._runs)
            for task in tasks:
                task.cancel()
            await _ended(tasks, within=END)

    def wake(self, _channel: str, payload: bytes) -> None:
        """A message of the wake channel."""
        match wake.parse(payload):
            case wake.Work(partition):
                self._again[partition] = None
                self._claim_again()
            case wake.Stop(session):
                for run in self._runs.values():
                    if run.lease.session == session:
                        self._spawn(self._supervise_stop(run))

    def missed(self, _channels: frozenset[str]) -> None:
        """Messages of the wake channel may have been missed."""
        self._again.update(dict.fromkeys(range(PARTITIONS)))
        self._claim_again()

    def begin_drain(self) -> None:
        """Take nothing more; each run ends at its next step."""
        self.draining = True
        for run in self._runs.values():
            run.control.request_drain()

    async def drain(self, *, within: float) -> None:
        """Drain; what still runs after `within` seconds ends where it is."""
        self.begin_drain()
        await _ended(self._claims, within=END)
        await _ended(self._runs, within=within)
        for run in self._runs.values():
            run.cancel()
        await _ended(self._runs, within=END)

    def resume(self) -> None:
        """Take work again."""
        self.draining = False

    def _claim_again(self) -> None:
        # No more partitions than there is room: each asked one gets a place at least.
        idle = (partition for partition in self._again if partition not in self._asked)
        wanted = tuple(islice(idle, max(0, self._free())))
        for partition in wanted:
            del self._again[partition]
        self._claim_from(wanted)

    def _claim_from(self, partitions: Iterable[int]) -> None:
        if self.draining:
            return
        idle = [partition for partition in partitions if partition not in self._asked]
        for partition, room in shares(self._free(), idle).items():
            self._asked[partition] = room
            task = asyncio.create_task(self._supervise_claim(partition, room))
            self._claims[task] = partition
            task.add_done_callback(self._claim_ended)

    def _free(self) -> int:
        return self._room - len(self._runs) - sum(self._asked.values())

    async def _supervise_claim(self, partition: int, room: int) -> None:
        """One claim. A partition that cannot be claimed from must not stop the others."""
        try:
            leases = await self._claim(partition, room)
        except Barred as barred:
            if not self._is_barred:
                _log.warning("waiting", reason=str(barred))
            self._is_barred = True
        except Unavailable as error:
            _log.info("claim given up", partition=partition, reason=str(error))
        except Exception:  # noqa: BLE001 (logged with its traceback; the next sweep tries again)
            _log.exception("claim failed", partition=partition)
        else:
            self._is_barred = False
            for lease in leases:
                self._start(lease)
            if len(leases) == room:  # there may be more, also where there was no room to ask for
                self._again[partition] = None

    async def _supervise_stop(self, run: Run) -> None:
        """Ask whether and why a run's turn is to stop; without an answer a renewal says it."""
        try:
            if stop := await self._work.renew(run.lease):
                run.stopped(stop)
        except (StaleToken, Unavailable) as error:
            _log.debug("stop not heard", session=run.lease.session, reason=str(error))

    def _spawn(self, look: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(look)
        self._looks.add(task)
        task.add_done_callback(self._looks.discard)

    async def _claim(self, partition: int, room: int) -> tuple[Lease, ...]:
        nonce = self._nonce()
        return await until_answered(
            lambda: self._work.claim(room=room, partition=partition, nonce=nonce),
            is_over=lambda: self.draining,
        )

    def _claim_ended(self, task: asyncio.Task[None]) -> None:
        self._asked.pop(self._claims.pop(task), None)
        self._claim_again()

    def _start(self, lease: Lease) -> None:
        run = Run(lease, until=monotonic() + self._timeout + GIVE_UP, clock=monotonic)
        if self.draining:
            run.control.request_drain()
        self._leases.hold(run)
        task = asyncio.create_task(self._runner.supervise(run))
        run.belongs_to(task)
        self._runs[task] = run
        metrics.TURNS_RUNNING.set(len(self._runs))
        task.add_done_callback(self._run_ended)

    def _run_ended(self, task: asyncio.Task[None]) -> None:
        self._leases.drop(self._runs.pop(task))
        metrics.TURNS_RUNNING.set(len(self._runs))
        self._claim_again()


async def _ended(tasks: Iterable[asyncio.Task[None]], *, within: float) -> None:
    if left := tuple(tasks):
        await asyncio.wait(left, timeout=within)
