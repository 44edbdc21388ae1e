"""Load from real clients while something breaks, and what is counted of it.

Every scenario returns its `Run`; a test decides what must hold. The green runs and the ablated
ones are the same scenario on the same seed and load.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic

from parley.bench.checker import check
from parley.bench.figures import measure
from parley.bench.load import Load, drive
from parley.bench.record import History
from parley.bench.violations import Invariant, Violation
from parley_core.domain.ids import ProcessId
from parley_testing.hits import Hit, sessions_of, taken_over
from parley_testing.proxy import TcpProxy
from parley_testing.stack import Stack
from parley_testing.supervised import VICTIMS, Supervised
from parley_testing.tellings import devices_told, later_attempts, told, users_on_two_edges

_AFTER_A_HOLE = frozenset({"attach"})
"""Scripts that run only when live frames were missed."""
KILL_EACH = 3.0
"""Seconds between two kills."""
RESUMED_WITHIN = 15.0
_STEP = 0.05


@dataclass(slots=True)
class Run:
    """What a scenario did and what the clients recorded."""

    history: History = ()
    violations: list[Violation] = field(default_factory=list)
    counts: dict[str, float] = field(default_factory=dict)

    @property
    def broken(self) -> set[Invariant]:
        return {violation.invariant for violation in self.violations}

    def report(self, name: str) -> str:
        """One line of figures, then the first violations."""
        figures = measure(self.history, violations=self.violations, wall=1.0, client_cpu=0.0)
        said = f"{figures.texts} texts, {figures.answered} answered, {figures.gaps} gaps told"
        found = (
            f"{figures.lost} lost, {figures.doubled} doubled, {figures.out_of_order} out of order"
        )
        counts = ", ".join(f"{key} {value:g}" for key, value in self.counts.items())
        lines = [f"{name}: {said}, {found}, {figures.torn} torn; {counts}"]
        for invariant in sorted(self.broken):
            found_here = [each for each in self.violations if each.invariant is invariant]
            lines += [
                f"  {len(found_here)} {invariant}",
                *(f"    {each}" for each in found_here[:3]),
            ]
        return "\n".join(lines)

    def judge(self, *, lost_tail: bool = False) -> None:
        self.violations = check(self.history, lost_tail=lost_tail)


@asynccontextmanager
async def talking(load: Load, run: Run) -> AsyncIterator[None]:
    """Clients talk while the body runs, and finish what they said afterwards."""
    until = asyncio.Event()
    driving = asyncio.create_task(drive(load, until=until))
    try:
        yield
    finally:
        until.set()
        run.history = await driving


async def kills(
    system: Supervised, load: Load, *, running: int, with_delta: int, limit: float
) -> Run:
    """SIGKILL each process in turn until enough kills hit turns, or for `limit` seconds."""
    run, resumed = Run(), _Resumptions(system)
    hits = hits_with_delta = number = 0
    victims = itertools.cycle(VICTIMS)
    start = monotonic()
    async with talking(load, run):
        while (hits < running or hits_with_delta < with_delta) and monotonic() - start < limit:
            await asyncio.sleep(KILL_EACH)
            victim = next(victims)
            process = await system.ready(victim)
            struck = await sessions_of(process, system.direct, system.keys)
            resumed.watch(struck, process)
            system.kill(victim)
            number += 1
            hits += bool(struck)
            hits_with_delta += any(hit.offset for hit in struck)
        await resumed.finished()
    run.judge()
    run.counts = {
        "kills": number,
        "kills while a turn ran": hits,
        "kills after a delta": hits_with_delta,
        "sessions taken over": len(resumed.seconds),
        "slowest takeover (s)": round(max(resumed.seconds, default=0.0), 2),
    }
    return run


class _Resumptions:
    """How long each struck session waited for another worker."""

    def __init__(self, system: Supervised) -> None:
        self._system = system
        self._tasks: list[asyncio.Task[float]] = []
        self.seconds: list[float] = []

    def watch(self, hits: list[Hit], dead: ProcessId) -> None:
        for hit in hits:
            self._tasks.append(asyncio.create_task(self._wait(hit, dead)))

    async def _wait(self, hit: Hit, dead: ProcessId) -> float:
        """Seconds; infinite if nobody takes the session over."""
        start = monotonic()
        while not await taken_over(hit, dead, self._system.direct, self._system.keys):
            if monotonic() - start > RESUMED_WITHIN:
                return math.inf
            await asyncio.sleep(_STEP)
        return monotonic() - start

    async def finished(self) -> None:
        self.seconds = list(await asyncio.gather(*self._tasks))


async def zombies(stack: Stack, load: Load, *, wanted: int, limit: float) -> Run:
    """SIGSTOP a worker in the middle of its answers, past its lease, then let it go on."""
    run, thawed = Run(), 0
    victims = itertools.cycle(stack.workers)
    start = monotonic()
    async with talking(load, run):
        while _refused(stack) < wanted and monotonic() - start < limit:
            victim = next(victims)
            struck = await _struck(stack, victim)
            stack.pause(victim)
            frozen = stack.members[victim].id
            async with asyncio.timeout(RESUMED_WITHIN):
                for hit in struck:
                    while not await taken_over(hit, frozen, stack.direct, stack.keys):
                        await asyncio.sleep(_STEP)
            stack.resume(victim)
            thawed += 1
            await asyncio.sleep(2 * KILL_EACH)
    run.judge()
    run.counts = {"thawed": thawed, "stale writes refused": _refused(stack)}
    return run


async def _struck(stack: Stack, victim: str) -> list[Hit]:
    """Sessions that the worker is writing answers of; waits until there are some."""
    async with asyncio.timeout(RESUMED_WITHIN):
        while True:
            hits = await sessions_of(stack.members[victim].id, stack.direct, stack.keys)
            if writing := [hit for hit in hits if hit.offset]:
                return writing
            await asyncio.sleep(_STEP)


def _refused(stack: Stack) -> int:
    """Writes that were refused because another had the lease. Reads do not count."""
    names = stack.script_names()
    return sum(n for sha, n in stack.proxy.stale.items() if names.get(sha) not in {None, "inbox"})


async def redis_away(stack: Stack, load: Load, *, cut: float, restarts: int) -> Run:
    """Redis cut off for `cut` seconds, then restarted, under load."""
    run = Run()
    async with talking(load, run):
        await asyncio.sleep(2)
        if cut:
            stack.proxy.cut()
            await asyncio.sleep(cut)
            stack.proxy.heal()
            await asyncio.sleep(4)
        for _ in range(restarts):
            await stack.restart_redis()
            await asyncio.sleep(4)
    run.judge()
    run.counts = {
        "UNAVAILABLE told": told(run.history, "UNAVAILABLE"),
        "second attempts": later_attempts(run.history),
    }
    return run


async def lost_tail(stack: Stack, load: Load, *, folder: Path, seconds: float) -> Run:
    """Redis put back to what it was `seconds` ago; everybody had seen what came since.

    Each user's last device is away at that moment and comes back when the log has grown past what
    it saw: then only the id at its position shows that this is another log. Give it a load with a
    rate, which goes on after a text whose answer was lost, and a `timeout` longer than a client
    that was away so long may wait for its next try.
    """
    run = Run()
    async with TcpProxy(stack.port) as away:
        url = f"ws://127.0.0.1:{away.port}/ws"
        async with talking(replace(load, listener_url=url), run):
            await asyncio.sleep(2)
            copy = await stack.copy_data(folder)
            await asyncio.sleep(seconds)
            away.cut()
            await stack.restart_redis(put_back=copy)
            await asyncio.sleep(seconds + 2)
            away.heal()
            await asyncio.sleep(3)
    run.judge(lost_tail=True)
    run.counts = {"devices told": devices_told(run.history)}
    return run


async def droppers(load: Load, *, seconds: float) -> Run:
    """Devices on several edges, the last of each user losing its socket again and again."""
    run = Run()
    async with talking(load, run):
        await asyncio.sleep(seconds)
    run.judge()
    run.counts = {"users on two edges": users_on_two_edges(run.history)}
    return run


async def cut_replies(
    stack: Stack,
    load: Load,
    *,
    scripts: tuple[str, ...],
    each: int,
    limit: float,
    dice: random.Random,
) -> Run:
    """Connections cut after a script was executed and before its reply, until each had its share.

    `scripts` are names, `each` how many replies of each of them are cut off.
    """
    run, names = Run(), stack.script_names()
    start = monotonic()

    def cuts(name: str) -> int:
        return sum(n for sha, n in stack.proxy.cut_replies.items() if names.get(sha) == name)

    def matches(name: str) -> Callable[[list[bytes]], bool]:
        shas = {sha.encode() for sha, known in names.items() if known == name}
        return lambda command: len(command) > 1 and command[1] in shas

    async with talking(load, run):
        while monotonic() - start < limit:
            lacking = [name for name in scripts if cuts(name) < each]
            if not lacking:
                break
            chosen = dice.choice(lacking)
            if chosen in _AFTER_A_HOLE:
                stack.proxy.drop_connections()
            stack.proxy.cut_before_reply(matches(chosen))
            await asyncio.sleep(dice.uniform(0.2, 0.5))
    run.judge()
    run.counts = {name: cuts(name) for name in scripts}
    return run
